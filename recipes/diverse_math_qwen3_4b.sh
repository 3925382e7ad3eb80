#!/usr/bin/env bash
# `diverse` on DeepscaleR: DQO's bonus only for responses with a reward above the batch's mean, in units of the gap between
# rewards (docs/alpha_and_k.md). The method is ours, in none of the papers. Settings of darling_math_qwen3_4b.sh, with an
# embedder instead of the classifier.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh" algorithm.adv_estimator=diverse "$@"
