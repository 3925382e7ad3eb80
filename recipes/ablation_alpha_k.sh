#!/usr/bin/env bash
# DQO's sweep of alpha and k on Dolly and GSM8K (arXiv 2509.04784): alpha at k=4, then k at alpha=1 (k=4 is among the former). 16 runs.
# ALPHAS and KS: the paper's values; the runs of one sweep at a fixed other value: ours (its alpha table is at k=4).
# Settings and GPUs: dqo_dolly_llama.sh, dqo_gsm8k_qwen.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_sweep.sh"
export METHOD=dqo
for script in ${SCRIPTS:-dqo_dolly_llama dqo_gsm8k_qwen}; do
  for alpha in ${ALPHAS-0.5 1 1.5 2 5}; do
    ALPHA=$alpha K=4 run "$script-alpha$alpha" "$script.sh" "$@"
  done
  for k in ${KS-2 6 8}; do
    ALPHA=1 K=$k run "$script-k$k" "$script.sh" "$@"
  done
done
