#!/usr/bin/env bash
# GRPO-likelihood on Dolly (unlikeliness reward, arXiv 2506.02355), settings of dqo_dolly_llama.sh. rank_penalty 0.25: 2506.02355; no source
# states whether DQO used it. group_min makes the reward model's score safe to multiply: ours. STD=False: ours.
METHOD=${METHOD:-likelihood} BASE=${BASE:-grpo}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_dolly_llama.sh"
