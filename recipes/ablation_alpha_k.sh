#!/usr/bin/env bash
# DQO's sweeps of alpha and k on Dolly and GSM8K (arXiv 2509.04784): alpha at k=4, then k at alpha=1 (k=4 is in the first
# sweep), 16 runs. ALPHAS and KS are the paper's values. Its alpha table is at k=4; the fixed alpha=1 in the sweep of k is our
# choice. SCRIPTS: the recipes to run. Settings and GPUs: dqo_dolly_llama.sh, dqo_gsm8k_qwen.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

# DATASET belongs to Dolly alone
WITHOUT="ALPHA K DATASET"
knobs dqo_dolly_llama.sh dqo_gsm8k_qwen.sh SCRIPTS="dqo_dolly_llama dqo_gsm8k_qwen" ALPHAS="0.5 1 1.5 2 5" KS="2 6 8"

for script in $SCRIPTS; do
  for alpha in $ALPHAS; do
    ALPHA=$alpha K=4 run "$script-alpha$alpha" "$script.sh" "$@"
  done
  for k in $KS; do
    ALPHA=1 K=$k run "$script-k$k" "$script.sh" "$@"
  done
done
