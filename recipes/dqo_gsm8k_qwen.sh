#!/usr/bin/env bash
# DQO on GSM8K with GRPO as the base (arXiv 2509.04784): r_i + alpha * d_i, k = 4 responses per prompt.
#
#   bash recipes/dqo_gsm8k_qwen.sh [verl overrides ...]
#   bash recipes/dqo_gsm8k_qwen.sh algorithm.adv_estimator=darling     DARLING instead
#   bash recipes/dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo        the reward-only baseline
#
# With GPUs: eight of 40 GB, or one of 80 (estimated: dqo-verl doctor --recipe dqo_gsm8k_qwen --gpus 8x40); eight of 24 GB with
# TOKENS=8192. Without: a tiny policy on the same engine, in minutes.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   K=4            responses per prompt            the paper's default
#   ALPHA          weight of diversity, 1.0        the paper's main setting (its sweep: 0.5 to 5)
#   EMBEDDER       all-MiniLM-L6-v2                ours: no source states the paper's
#   GRPO as the base                               the paper's base for reasoning
#   REWARD=rule    checks the number after ####, like verl's rule for GSM8K (ours also logs how much text follows the answer).
#                  REWARD=model: the paper used a reward model, which no source names, because it saw an outcome rule hacked
#                  (right answer first, then noise). Against that, with the rule: +algorithm.diversity.answer_only=true
#   RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B      ours, for REWARD=model (two GPUs at least)
#   MODEL=Qwen/Qwen2.5-1.5B-Instruct               ours: no source states the paper's model
#   LR=1e-6 BATCH=128 KL=0.001 EPOCHS=15 PROMPT=512 RESPONSE=1024     ours: no source states them
#   no std division (norm_adv_by_std_in_grpo)      ours: no source states it; with std, alpha cancels in groups of equal reward
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=4 ALPHA EMBEDDER REWARD=rule RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B RM_GPUS \
  MODEL=Qwen/Qwen2.5-1.5B-Instruct LR=1e-6 BATCH=128 MINI KL=0.001 EPOCHS=15 PROMPT=512 RESPONSE=1024 \
  TOKENS=16384 TP=1 GPU_MEMORY=0.6
prepare_data gsm8k/train gsm8k/test

ARGS=(
  algorithm.adv_estimator=dqo
  algorithm.norm_adv_by_std_in_grpo=False
  ${ALPHA:++algorithm.diversity.alpha="$ALPHA"}
  ${EMBEDDER:++algorithm.diversity.embedder="$EMBEDDER"}
  data.train_files="$DATA/gsm8k/train.parquet"
  data.val_files="$(listed "$DATA/gsm8k/test.parquet")"
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
  # used only with algorithm.adv_estimator=gae
  critic.model.path="$MODEL"
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.gsm8k
  reward.custom_reward_function.name=compute_score
  trainer.total_epochs="$EPOCHS"
  trainer.val_before_train=True
  trainer.test_freq=10
  trainer.save_freq=50
)

case $REWARD in
  rule) ;;
  model)
    split_gpus
    ARGS+=(
      # vLLM serves the reward model on separate GPUs
      reward.custom_reward_function.path=pkg://dqo_verl.rewards.reward_model
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
    )
    ;;
  *) refuse "REWARD=$REWARD is neither rule nor model" ;;
esac
train "$@"
