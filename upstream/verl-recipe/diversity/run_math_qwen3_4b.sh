#!/usr/bin/env bash
# Copyright 2026 The dqo_verl authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# DARLING (arXiv 2509.02534) and its baselines on DeepscaleR, with Qwen3-4B-Base: Tables 4, 7 and 9 of the paper.
#
#   METHOD=darling bash run_math_qwen3_4b.sh [overrides]
#
# METHOD=grpo          rewards only, with std division: the paper's baseline
# METHOD=grpo_no_std   rewards only, without std division (Table 11): DARLING differs from it only by the factor
# METHOD=darling       reward * share of the group's other responses that are in another class, by a pair classifier
#
# DATA has the folders deepscaler10k and aime25: dqo-verl prepare NAME --out DATA/NAME
# The paper used 8 nodes of 8 GPUs: start Ray on all nodes, then run this with NNODES=8 on the head node.
# Each training GPU holds a copy of the 4B classifier.
set -euo pipefail

METHOD=${METHOD:-darling}
MODEL=${MODEL:-Qwen/Qwen3-4B-Base}
CLASSIFIER=${CLASSIFIER:-dogtooth/qwen3-4b-emb-finetuned-step-70-hf}
DATA=${DATA:-$HOME/.cache/dqo_verl/data}
NGPUS=${NGPUS:-8}
NNODES=${NNODES:-1}

case $METHOD in
  grpo) ESTIMATOR=grpo STD=True ;;
  grpo_no_std) ESTIMATOR=grpo STD=False ;;
  darling) ESTIMATOR=darling STD=False ;;
  *) echo "METHOD=$METHOD: choose grpo, grpo_no_std or darling" >&2 && exit 2 ;;
esac

DIVERSITY=()
if [ "$METHOD" = darling ]; then
  DIVERSITY=(
    +algorithm.diversity.classifier="$CLASSIFIER"
    +algorithm.diversity.placement=shared
    +algorithm.diversity.actors="$((NGPUS * NNODES))"
  )
fi

python3 -m verl.trainer.main_ppo \
  algorithm.adv_estimator="$ESTIMATOR" \
  algorithm.norm_adv_by_std_in_grpo="$STD" \
  "${DIVERSITY[@]}" \
  data.train_files="$DATA/deepscaler10k/train.parquet" \
  data.val_files="$DATA/aime25/test.parquet" \
  data.train_batch_size=256 \
  data.max_prompt_length=1024 \
  data.max_response_length=8192 \
  data.filter_overlong_prompts=True \
  actor_rollout_ref.model.path="$MODEL" \
  actor_rollout_ref.actor.optim.lr=1e-6 \
  actor_rollout_ref.actor.ppo_mini_batch_size=64 \
  actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.actor.ppo_max_token_len_per_gpu=20480 \
  actor_rollout_ref.actor.use_kl_loss=False \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n=8 \
  actor_rollout_ref.rollout.temperature=1.0 \
  actor_rollout_ref.rollout.gpu_memory_utilization=0.6 \
  actor_rollout_ref.rollout.val_kwargs.do_sample=True \
  actor_rollout_ref.rollout.val_kwargs.temperature=0.6 \
  actor_rollout_ref.rollout.val_kwargs.top_p=0.95 \
  actor_rollout_ref.rollout.val_kwargs.n=8 \
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.math \
  reward.custom_reward_function.name=compute_score \
  trainer.project_name=diversity \
  trainer.experiment_name="math_$METHOD" \
  trainer.n_gpus_per_node="$NGPUS" \
  trainer.nnodes="$NNODES" \
  trainer.total_epochs=10 \
  trainer.val_before_train=True \
  trainer.test_freq=25 \
  trainer.save_freq=50 \
  "$@"
