#!/usr/bin/env bash
# DARLING on DeepscaleR, verifiable tasks, Qwen3-4B-Base (arXiv 2509.02534, Tables 4, 7 and 9): q_i * v_i, n = 8, no std, no KL.
#
#   bash recipes/darling_math_qwen3_4b.sh [verl overrides ...]
#
# With GPUs: the paper used 8 nodes of 8 (NNODES=8); one node does the same more slowly (estimated: dqo-verl doctor --recipe
# darling_math_qwen3_4b --gpus 8x80). Each training GPU holds a copy of the classifier (4B). Without: a tiny policy and
# classifier, on the same engine.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   K=8 LR=1e-6 KL=0 PROMPT=1024 RESPONSE=8192 BATCH=256 MINI=64 EPOCHS=10   Table 7; clip (0.2, 0.2) is verl's default
#   no std division (norm_adv_by_std_in_grpo)      the paper, section 3
#   CLASSIFIER=dogtooth/qwen3-4b-emb-finetuned-step-70-hf   named by the authors (facebookresearch/darling#1); threshold 0.5
#                                                  (reference code). An empty CLASSIFIER= means MiniLM's cosine
#   floor (+algorithm.diversity.floor)             none, as in the paper (reference code: 0.1)
#   gate (+algorithm.diversity.gate)               none: all responses are compared; 0.5: correct ones only
#   NNODES=1 GPU_MEMORY=0.6 TOKENS=20480           ours (the paper: 8 nodes, memory 0.7)
#   validation n=8, T=0.6, top-p 0.95              reference code
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=8 CLASSIFIER=dogtooth/qwen3-4b-emb-finetuned-step-70-hf \
  MODEL=Qwen/Qwen3-4B-Base LR=1e-6 BATCH=256 MINI=64 KL=0 EPOCHS=10 PROMPT=1024 RESPONSE=8192 \
  TOKENS=20480 TP=1 GPU_MEMORY=0.6
prepare_data deepscaler10k/train aime25/test hmmt25/test brumo25/test olympiadbench/test

ARGS=(
  algorithm.adv_estimator=darling
  algorithm.norm_adv_by_std_in_grpo=False
  ${CLASSIFIER:++algorithm.diversity.classifier="$CLASSIFIER"}
  +algorithm.diversity.placement=shared
  # a step has 7,168 pairs: too many for one copy of a 4B classifier
  +algorithm.diversity.actors="$((${NGPUS:-$GPUS} * NNODES))"
  data.train_files="$DATA/deepscaler10k/train.parquet"
  data.val_files="$(listed "$DATA"/{aime25,hmmt25,brumo25,olympiadbench}/test.parquet)"
  data.filter_overlong_prompts=True
  data.train_batch_size="$BATCH"
  data.max_prompt_length="$PROMPT"
  data.max_response_length="$RESPONSE"
  actor_rollout_ref.model.path="$MODEL"
  actor_rollout_ref.actor.optim.lr="$LR"
  actor_rollout_ref.actor.ppo_mini_batch_size="$MINI"
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
  actor_rollout_ref.rollout.val_kwargs.temperature=0.6
  actor_rollout_ref.rollout.val_kwargs.top_p=0.95
  actor_rollout_ref.rollout.val_kwargs.n=8
  # used only with algorithm.adv_estimator=gae
  critic.model.path="$MODEL"
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.math
  reward.custom_reward_function.name=compute_score
  trainer.total_epochs="$EPOCHS"
  trainer.val_before_train=True
  trainer.test_freq=25
  trainer.save_freq=50
)
train "$@"
