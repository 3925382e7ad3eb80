#!/usr/bin/env bash
# DQO's toy with cities (arXiv 2509.04784): mean pairwise distance against the determinant, on a policy that is a softmax over cities.
#
#   bash recipes/toy_city.sh [--seeds 10] [--steps 3000]
#
# No GPU and no Ray; MiniLM from its PyPI package (or from the hub, where that is not installed); minutes on one core. Prints a table
# with intervals over seeds and a verdict on each half of the claim; $OUT/map.svg shows where each policy ended. Cities, sentence,
# embedder, k=4, training: ours, no source states them (experiments/city). The same prompt for a real model: `dqo-verl prepare city`.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs
show python -m experiments.city "$OUT" "$@"
