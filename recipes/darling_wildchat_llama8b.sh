#!/usr/bin/env bash
# DARLING on WildChat, non-verifiable tasks, Llama-3.1-8B-Instruct (arXiv 2509.02534, Tables 1 and 6): q_i * v_i, n = 8, no std.
#
#   bash recipes/darling_wildchat_llama8b.sh [verl overrides ...]
#
# With GPUs: one node of 8 x H200 as in the paper (estimated: dqo-verl doctor --recipe darling_wildchat_llama8b --gpus 8x141),
# or of 8 x 80 GB with GPU_MEMORY=0.5. Reward model (8B) and classifier share the training GPUs. Without: a tiny policy, reward
# model and classifier, on the same engine.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   K=8 LR=1e-6 KL=0.001 (low_var_kl) PROMPT=512 RESPONSE=1024 EPOCHS=10     Table 6
#   BATCH=32, mini-batch the same                  Table 6 (the reference code's script says 64)
#   no std division (norm_adv_by_std_in_grpo)      the paper, section 3; token-mean loss is verl's default
#   RM=Nexusflow/Athene-RM-8B                      the paper; vLLM cannot serve it, so it runs in a Ray actor
#   CLASSIFIER=dogtooth/similarity-classifier-f168-hf   the authors' ModernBERT, threshold 0.32 (reference code). An empty
#                                                  CLASSIFIER= means MiniLM's cosine
#   quality_shift=group_min                        ours: raw Athene scores are mostly negative, so a larger factor would punish
#                                                  diversity. The paper does not mention this; the reference code multiplies raw
#                                                  scores
#   floor (+algorithm.diversity.floor)             none, as in the paper (reference code: 0.1)
#   GPU_MEMORY=0.6                                 ours: the paper's 0.8 leaves no room for the two models on the same GPUs
#   validation on NoveltyBench's 100 curated prompts, n=8, T=1               ours (n and T: reference code)
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=8 CLASSIFIER=dogtooth/similarity-classifier-f168-hf RM=Nexusflow/Athene-RM-8B \
  MODEL=meta-llama/Llama-3.1-8B-Instruct LR=1e-6 BATCH=32 MINI KL=0.001 EPOCHS=10 PROMPT=512 RESPONSE=1024 \
  TOKENS=16384 TP=1 GPU_MEMORY=0.6
prepare_data wildchat10k/train noveltybench/curated

ARGS=(
  algorithm.adv_estimator=darling
  algorithm.norm_adv_by_std_in_grpo=False
  ${CLASSIFIER:++algorithm.diversity.classifier="$CLASSIFIER"}
  +algorithm.diversity.placement=shared
  +algorithm.diversity.quality_shift=group_min
  data.train_files="$DATA/wildchat10k/train.parquet"
  data.val_files="$(listed "$DATA/noveltybench/curated.parquet")"
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
  actor_rollout_ref.rollout.val_kwargs.n=8
  # used only with algorithm.adv_estimator=gae
  critic.model.path="$MODEL"
  # not served: one Ray actor on a training GPU holds the reward model
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.hf_scorer
  reward.custom_reward_function.name=compute_score
  +reward.custom_reward_function.reward_kwargs.model="$RM"
  +reward.custom_reward_function.reward_kwargs.placement=shared
  trainer.total_epochs="$EPOCHS"
  trainer.val_before_train=True
  trainer.test_freq=200
  trainer.save_freq=200
)
train "$@"
