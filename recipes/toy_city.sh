#!/usr/bin/env bash
# DQO's toy with cities (arXiv 2509.04784): mean pairwise distance against the determinant, on a policy that is a softmax over cities.
#
#   bash recipes/toy_city.sh [--seeds 10] [--steps 3000]
#
# It needs no GPU and no Ray, and takes minutes on one core. MiniLM comes from its PyPI package, or from the hub if that is not
# installed. It prints a table with intervals over seeds and a verdict on each half of the claim; $OUT/map.svg shows the final
# policies. Cities, sentence, embedder, k=4 and training are our choices: no source states them (experiments/city).
# `dqo-verl prepare city` makes the same prompt for a real model.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

WITHOUT=STEPS
knobs
show python -m experiments.city "$OUT" "$@"
