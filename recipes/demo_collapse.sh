#!/usr/bin/env bash
# Collapse and rescue in miniature: a tiny policy, a task with many right answers, the real trainer. Reward-only RL makes the
# policy repeat itself; do DQO and DARLING keep its answers diverse at the same quality?
#
#   bash recipes/demo_collapse.sh              one seed, five methods: 27 minutes on two cores (TASK=sentences: 42)
#   QUICK=1 bash recipes/demo_collapse.sh      three methods, 20 steps
#   SEEDS=5 bash recipes/demo_collapse.sh      the evidence in docs/results.md: five seeds, and sweeps of alpha, k, std,
#                                              measure and gate; takes hours
#
# TASK=sums                answer N with two numbers that add up to N, the first from 1 to 12 (the default)
# TASK=few                 the same, but the first number must be 2, 5 or 9, and nearly all wrong answers are different
# TASK=sentences           name a thing of a kind, in a sentence (the embedder is all-MiniLM-L6-v2)
# OUT=DIR                  default outputs/demo_collapse/TASK; the same OUT resumes where it stopped
# ROWS="dqo diverse"       only these rows of the table below;  SEED=3: the first seed (default 1; settings were chosen on 0)
# Arguments after the script go to verl, in every run.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

PROFILE=cpu
OUT=${OUT:-outputs/demo_collapse/${TASK:-sums}${QUICK:+-quick}}
STEPS=${STEPS:-$([ -n "${QUICK:-}" ] && echo 20 || echo 30)}
knobs TASK=sums SEED=1 SEEDS=1 QUICK ROWS

MAIN="grpo grpo_no_std entropy dqo darling"
SWEEPS="dqo_alpha0.25 dqo_alpha4 std_alpha0.25 std_alpha4 decoupled_alpha0.25 decoupled_alpha4 pairwise gate dqo_k4 dqo_k16"

# a row -> its overrides
overrides() {
  local alpha=+algorithm.diversity.alpha std=algorithm.norm_adv_by_std_in_grpo=True n=actor_rollout_ref.rollout.n
  case $1 in
    grpo) echo algorithm.adv_estimator=grpo $std ;;
    grpo_no_std) echo algorithm.adv_estimator=grpo ;;
    entropy) echo algorithm.adv_estimator=grpo actor_rollout_ref.actor.entropy_coeff=0.01 ;;
    dqo) echo algorithm.adv_estimator=dqo ;;
    darling) echo algorithm.adv_estimator=darling ;;
    diverse) echo algorithm.adv_estimator=diverse ;;
    target) echo algorithm.adv_estimator=diverse +algorithm.diversity.target=0.5 ;;
    dqo_alpha*) echo algorithm.adv_estimator=dqo $alpha="${1#dqo_alpha}" ;;
    # a mini-batch of 16 prompts has only 64 responses here, fewer than the micro-batch of 128 in the other rows
    dqo_k4) echo algorithm.adv_estimator=dqo $n=4 actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=64 ;;
    dqo_k16) echo algorithm.adv_estimator=dqo $n=16 ;;
    std_alpha*) echo algorithm.adv_estimator=dqo $std $alpha="${1#std_alpha}" ;;
    decoupled_alpha*) echo algorithm.adv_estimator=dqo $std $alpha="${1#decoupled_alpha}" +algorithm.diversity.scale=decoupled ;;
    pairwise) echo algorithm.adv_estimator=grpo +reward_model.diversity=pairwise ;;
    gate) echo algorithm.adv_estimator=dqo +algorithm.diversity.gate=0.5 ;;
    *) refuse "ROWS: $1 is not a row of demo_collapse.sh. Rows: $MAIN diverse target $SWEEPS" ;;
  esac
}

# Overrides that replace the sizes of the tiny profile. $1: seed; $2: folder with this seed's policy and data.
# Values that the papers leave open were chosen on plain GRPO alone, so that GRPO collapses.
ARGS=() BATCH=32 MINI=16
settings() {
  SETTINGS=(
    algorithm.norm_adv_by_std_in_grpo=False
    data.train_files="$(hydra "$2/train.parquet")"
    data.val_files="$(hydra "$2/test.parquet")"
    data.seed="$1"
    data.train_batch_size="$BATCH"
    data.max_prompt_length=32
    data.max_response_length=24
    actor_rollout_ref.model.path="$(hydra "$2/policy")"
    actor_rollout_ref.actor.optim.lr=1e-3
    actor_rollout_ref.actor.ppo_mini_batch_size="$MINI"
    actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=128
    actor_rollout_ref.actor.use_kl_loss=False
    actor_rollout_ref.actor.calculate_entropy=True
    actor_rollout_ref.rollout.name=vllm
    actor_rollout_ref.rollout.n=8
    actor_rollout_ref.rollout.temperature=1.0
    actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=128
    actor_rollout_ref.rollout.gpu_memory_utilization=0.6
    actor_rollout_ref.rollout.agent.num_workers=2
    actor_rollout_ref.rollout.max_model_len=64
    actor_rollout_ref.rollout.max_num_seqs=256
    actor_rollout_ref.rollout.val_kwargs.do_sample=True
    actor_rollout_ref.rollout.val_kwargs.temperature=1.0
    actor_rollout_ref.rollout.val_kwargs.n=10
    reward.custom_reward_function.path=pkg://experiments.collapse.reward
    reward.custom_reward_function.name=compute_score
    trainer.v1.sampler.custom_sampler.path=pkg://experiments.collapse.quick_buffer
    trainer.v1.sampler.custom_sampler.name=QuickReplayBuffer
    trainer.total_epochs=1000
    trainer.total_training_steps="$STEPS"
    trainer.val_before_train=True
    trainer.test_freq=10
    trainer.save_freq="$((STEPS / 2))"
    trainer.max_actor_ckpt_to_keep=1
  )
}

# no summary: `one` makes a record of each run instead
summarise() { :; }

# replaces the models of the tiny profile
make_tiny() { python -m experiments.collapse.assets "$TASK" "$seed" "$assets"; }

# $1: row, $2: seed, then overrides
one() {
  local row=$1 seed=$2 run=$OUT/runs/$1-s$2 record=$OUT/records/$1-s$2.json assets=$CACHE/demo/$TASK-s$2 own
  local embedder=sentence-transformers/all-MiniLM-L6-v2
  [ ! -e "$record" ] || return 0
  echo "== $TASK, seed $seed: $row" >&2
  settings "$seed" "$assets"
  read -ra own <<<"$(overrides "$row")"
  if [ "$TASK" != sentences ]; then
    embedder=$assets/embedder
    case $row in diverse | target | dqo* | std* | decoupled* | pairwise | gate | darling) own+=(+algorithm.diversity.embedder="$(hydra "$embedder")") ;; esac
  fi
  (
    OUT=$run RECIPE=demo-$row
    train "${SETTINGS[@]}" "${own[@]}" "${@:3}"
  )
  only_shows || python -m experiments.collapse.record "$run" "$record" "$embedder"
}

one_setting "TASK=$TASK STEPS=$STEPS $*"
rows=${ROWS:-$([ -n "${QUICK:-}" ] && echo grpo_no_std dqo darling || echo "$MAIN")}
seeds=$(seq "$SEED" $((SEED + SEEDS - 1)))
for row in $rows; do overrides "$row" >/dev/null; done
for seed in $seeds; do
  for row in $rows; do one "$row" "$seed" "$@"; done
done
if [ "$SEEDS" -gt 1 ] && [ -z "${ROWS:-}" ]; then
  for row in $SWEEPS; do
    for seed in $seeds; do one "$row" "$seed" "$@"; done
  done
fi
! only_shows || exit 0
python -m experiments.collapse.verdicts "$OUT"
runs=()
for row in $rows; do [ ! -e "$OUT/runs/$row-s$SEED/evaluation" ] || runs+=("$row=$OUT/runs/$row-s$SEED"); done
# nothing to report if only records are here, of runs made on another machine
[ ${#runs[@]} != 0 ] || exit 0
dqo-verl report "${runs[@]}" --title "Collapse and rescue: $TASK, seed $SEED" --out "$OUT/report" >/dev/null
echo "the report: $OUT/report/index.html"
