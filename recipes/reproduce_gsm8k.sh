#!/usr/bin/env bash
# The effect of diversity on GSM8K: trains GRPO, GRPO without std division, DQO, DARLING and `diverse` with several seeds each,
# samples and evaluates each on the test set, compares them on one page, and writes a model card beside each policy's weights.
#
#   bash recipes/reproduce_gsm8k.sh
#   ROWS="grpo dqo" SEEDS=1 bash recipes/reproduce_gsm8k.sh trainer.total_training_steps=100
#
# The same OUT resumes where it stopped. Settings and GPUs: dqo_gsm8k_qwen.sh.
# Cost: 15 runs of 870 steps of 512 responses, 13,050 steps in all. Nobody has timed a step; at a guessed 30 s it takes four and
# a half days. `STEPS=5 ROWS=dqo SEEDS=1 OUT=trial` in front shows yours: timing_s/step in trial/dqo-s1/metrics-*.jsonl.
# Without a GPU it trains the tiny policy, to show that it works.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   SEEDS=3 ROWS           ours. A seed changes the order of the data; vLLM's samples differ from run to run even with one seed
#   N=16                   responses to each test question, at temperature 1
#   classes                by the cosine of MiniLM, in training (darling) and in the evaluation (all)
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs SEEDS=3 ROWS="grpo grpo_no_std dqo darling diverse" N=16 ENGINE dqo_gsm8k_qwen.sh

# a row -> its overrides
overrides() {
  case $1 in
    grpo) echo algorithm.adv_estimator=grpo algorithm.norm_adv_by_std_in_grpo=True ;;
    grpo_no_std) echo algorithm.adv_estimator=grpo ;;
    dqo | darling | diverse) echo algorithm.adv_estimator="$1" ;;
    *) refuse "ROWS: $1 is not a row of reproduce_gsm8k.sh. Rows: grpo grpo_no_std dqo darling diverse" ;;
  esac
}
for row in $ROWS; do overrides "$row" >/dev/null; done

prompts=$DATA/gsm8k/test.parquet tokens=${RESPONSE:-1024} on_cpu=()
if [ "$PROFILE" = cpu ]; then
  prompts=$CACHE/tiny/test.parquet tokens=48
  ENGINE=${ENGINE:-dtype=float32 enforce_eager=true max_model_len=256 gpu_memory_utilization=0.1}
  on_cpu=(env VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=1)
fi

one_setting "STEPS=${STEPS:-} MODEL=${MODEL:-} N=$N RESPONSE=${RESPONSE:-} $*"
compared=()
for seed in $(seq "$SEEDS"); do
  for row in $ROWS; do
    name=$row-s$seed place=$OUT/$row-s$seed
    read -ra own <<<"$(overrides "$row")"
    [ -e "$place/test.jsonl" ] || run "$name" dqo_gsm8k_qwen.sh "${own[@]}" data.seed="$seed" "$@"
    # ENGINE is several words
    # shellcheck disable=SC2086
    show "${on_cpu[@]}" dqo-verl sample --model "$place/checkpoints" --prompts "$prompts" \
      --out "$place/test.jsonl" -n "$N" --temperature 1.0 --max-tokens "$tokens" ${ENGINE:+--engine $ENGINE}
    show dqo-verl evaluate "$place/test.jsonl" --out "$place/test.evaluation" --score-with dqo_verl.rewards.gsm8k:compute_score \
      --classifier cosine
    compared+=("$row=$place/test.evaluation")
  done
done
show dqo-verl report "${compared[@]}" --title "GSM8K, $SEEDS seeds of each" --out "$OUT/report"
for seed in $(seq "$SEEDS"); do
  for row in $ROWS; do show python "$RECIPES/card.py" "$OUT/$row-s$seed" "$row" "$OUT/report"; done
done
