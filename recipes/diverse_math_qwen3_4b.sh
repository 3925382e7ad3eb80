#!/usr/bin/env bash
# `diverse` on DeepscaleR: DQO among the right answers alone, in units of what is at stake (docs/alpha_and_k.md). Ours, in none of the papers.
# Settings of darling_math_qwen3_4b.sh, with an embedder in the place of the classifier.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh" algorithm.adv_estimator=diverse "$@"
