#!/usr/bin/env bash
# DQO on Dolly, instruction following, with PPO as the base (arXiv 2509.04784): a critic, a reward model, k = 4.
#
#   bash recipes/dqo_dolly_llama.sh [verl overrides ...]
#
# With GPUs: one node; half of the GPUs train 3B parameters with a critic, half serve the reward model (estimated: dqo-verl doctor
# --recipe dqo_dolly_llama --gpus 8x80).
# Without: a tiny policy, critic and reward model, on the same engine.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   K=4 ALPHA (1.0)                                the paper's
#   DATASET=dolly                                  cnn_dailymail and common_gen have their own recipes
#   PPO as the base                                the paper: for tasks other than reasoning
#   MODEL=meta-llama/Llama-3.2-3B-Instruct         ours: no source states the paper's model
#   RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B      ours: no source states the reward model. alpha is in units of its scores
#   EMBEDDER (all-MiniLM-L6-v2)                    ours: no source states the paper's
#   LR=1e-6 (critic: 1e-5) BATCH=128 KL=0.001 EPOCHS=3 PROMPT=1024 RESPONSE=512     ours: no source states them
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=4 ALPHA EMBEDDER RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B RM_GPUS \
  MODEL=meta-llama/Llama-3.2-3B-Instruct LR=1e-6 BATCH=128 MINI KL=0.001 EPOCHS=3 PROMPT=1024 RESPONSE=512 \
  TOKENS=16384 TP=1 GPU_MEMORY=0.6 DATASET=dolly
prepare_data "$DATASET/train" "$DATASET/test"
split_gpus

ARGS=(
  algorithm.adv_estimator=dqo
  # PPO
  +algorithm.diversity.base=gae
  algorithm.norm_adv_by_std_in_grpo=False
  ${ALPHA:++algorithm.diversity.alpha="$ALPHA"}
  ${EMBEDDER:++algorithm.diversity.embedder="$EMBEDDER"}
  data.train_files="$DATA/$DATASET/train.parquet"
  data.val_files="$(listed "$DATA/$DATASET/test.parquet")"
  data.val_max_samples=500
  data.filter_overlong_prompts=True
  data.train_batch_size="$BATCH"
  data.max_prompt_length="$PROMPT"
  data.max_response_length="$RESPONSE"
  actor_rollout_ref.model.path="$MODEL"
  actor_rollout_ref.actor.optim.lr="$LR"
  actor_rollout_ref.actor.ppo_mini_batch_size="${MINI:-$BATCH}"
  actor_rollout_ref.actor.use_dynamic_bsz=True
  actor_rollout_ref.actor.ppo_max_token_len_per_gpu="$TOKENS"
  actor_rollout_ref.actor.use_kl_loss="$([ "$KL" = 0 ] && echo False || echo True)"
  actor_rollout_ref.actor.kl_loss_coef="$KL"
  actor_rollout_ref.actor.kl_loss_type=low_var_kl
  actor_rollout_ref.actor.calculate_entropy=True
  actor_rollout_ref.rollout.name=vllm
  actor_rollout_ref.rollout.n="$K"
  actor_rollout_ref.rollout.temperature=1.0
  actor_rollout_ref.rollout.tensor_model_parallel_size="$TP"
  actor_rollout_ref.rollout.gpu_memory_utilization="$GPU_MEMORY"
  actor_rollout_ref.rollout.val_kwargs.do_sample=True
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0
  actor_rollout_ref.rollout.val_kwargs.n=4
  critic.model.path="$MODEL"
  critic.optim.lr=1e-5
  # vLLM serves the reward model on separate GPUs
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.reward_model
  reward.custom_reward_function.name=compute_score
  reward.reward_model.enable=True
  reward.reward_model.enable_resource_pool=True
  reward.reward_model.nnodes="$NNODES"
  reward.reward_model.n_gpus_per_node="$RM_GPUS"
  reward.reward_model.model_path="$RM"
  reward.reward_model.rollout.name=vllm
  reward.reward_model.rollout.tensor_model_parallel_size=1
  reward.reward_model.rollout.gpu_memory_utilization=0.8
  # otherwise verl puts the server to sleep at the start, and never wakes it
  reward.reward_model.rollout.free_cache_engine=False
  trainer.total_epochs="$EPOCHS"
  trainer.val_before_train=True
  trainer.test_freq=25
  trainer.save_freq=50
)
train "$@"
