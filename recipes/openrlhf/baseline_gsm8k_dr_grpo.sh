#!/usr/bin/env bash
# Reward-only Dr.GRPO on GSM8K in OpenRLHF: the base of dqo_gsm8k_qwen.sh, same settings.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" --algo.advantage.estimator dr_grpo "$@"
