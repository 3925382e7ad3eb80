#!/usr/bin/env bash
# One run of demo_collapse.sh, started by it, with TASK, SEED, STEPS and the knobs of _methods.sh in the environment: a tiny policy
# without a GPU. What the papers leave open was chosen on plain GRPO alone, so that GRPO collapses.
PROFILE=cpu BASE=grpo METHOD=${METHOD:-dqo} STD=${STD:-False} K=${K:-8}
MODEL=made-on-the-spot LR=1e-3 BATCH=32 MINI=16 KL=0 EPOCHS=1000 PROMPT=32 RESPONSE=24
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
ASSETS=${ASSETS:-$CACHE/demo/$TASK-s$SEED}
make_tiny() { OMP_WAIT_POLICY=passive python -m experiments.collapse.assets "$TASK" "$SEED" "$ASSETS"; }

method
TINY+=(
  reward.custom_reward_function.path=pkg://experiments.collapse.reward reward.custom_reward_function.name=compute_score
  data.train_files="$ASSETS/train.parquet" data.val_files="$ASSETS/test.parquet" data.seed="$SEED"
  data.train_batch_size="$BATCH" data.max_prompt_length="$PROMPT" data.max_response_length="$RESPONSE"
  actor_rollout_ref.model.path="$ASSETS/policy"
  actor_rollout_ref.actor.optim.lr="$LR"
  actor_rollout_ref.actor.ppo_mini_batch_size="$MINI" actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu="$((K < 8 ? MINI * K : 128))"
  actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=128
  actor_rollout_ref.rollout.agent.num_workers=2
  actor_rollout_ref.rollout.max_model_len=64 actor_rollout_ref.rollout.max_num_seqs=256
  actor_rollout_ref.rollout.val_kwargs.n=10 actor_rollout_ref.rollout.val_kwargs.temperature=1.0
  trainer.v1.sampler.custom_sampler.path=pkg://experiments.collapse.quick_buffer
  trainer.v1.sampler.custom_sampler.name=QuickReplayBuffer
  trainer.total_training_steps="$STEPS" trainer.test_freq=10 trainer.save_freq="$((STEPS / 2))" trainer.max_actor_ckpt_to_keep=1
)
case $TASK-$METHOD in sums-dqo | sums-pairwise | sums-darling) TINY+=(+algorithm.diversity.embedder="$ASSETS/embedder") ;; esac
train "$@"
