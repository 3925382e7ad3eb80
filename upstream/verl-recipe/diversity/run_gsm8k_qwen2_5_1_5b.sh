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

# DQO (arXiv 2509.04784) and its baselines on GSM8K, with Qwen2.5-1.5B-Instruct.
#
#   METHOD=dqo bash run_gsm8k_qwen2_5_1_5b.sh [overrides]
#
# METHOD=grpo          rewards only, with std division
# METHOD=grpo_no_std   rewards only, without std division: DQO differs from it only by the bonus
# METHOD=dqo           r + alpha * leave-one-out gain in the log-determinant of the group's embeddings
# METHOD=diverse       DQO's bonus only for rewards above the batch's mean, in units of the gap between rewards (ours)
#
# DATA is the folder of train.parquet and test.parquet: dqo-verl prepare gsm8k --out DATA
set -euo pipefail

METHOD=${METHOD:-dqo}
MODEL=${MODEL:-Qwen/Qwen2.5-1.5B-Instruct}
DATA=${DATA:-$HOME/.cache/dqo_verl/data/gsm8k}
NGPUS=${NGPUS:-8}
NNODES=${NNODES:-1}

case $METHOD in
  grpo) ESTIMATOR=grpo STD=True ;;
  grpo_no_std) ESTIMATOR=grpo STD=False ;;
  dqo | diverse) ESTIMATOR=$METHOD STD=False ;;
  *) echo "METHOD=$METHOD: choose grpo, grpo_no_std, dqo or diverse" >&2 && exit 2 ;;
esac

python3 -m verl.trainer.main_ppo \
  algorithm.adv_estimator="$ESTIMATOR" \
  algorithm.norm_adv_by_std_in_grpo="$STD" \
  data.train_files="$DATA/train.parquet" \
  data.val_files="$DATA/test.parquet" \
  data.train_batch_size=128 \
  data.max_prompt_length=512 \
  data.max_response_length=1024 \
  data.filter_overlong_prompts=True \
  actor_rollout_ref.model.path="$MODEL" \
  actor_rollout_ref.actor.optim.lr=1e-6 \
  actor_rollout_ref.actor.ppo_mini_batch_size=128 \
  actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.actor.ppo_max_token_len_per_gpu=16384 \
  actor_rollout_ref.actor.use_kl_loss=True \
  actor_rollout_ref.actor.kl_loss_coef=0.001 \
  actor_rollout_ref.actor.kl_loss_type=low_var_kl \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n=4 \
  actor_rollout_ref.rollout.temperature=1.0 \
  actor_rollout_ref.rollout.gpu_memory_utilization=0.6 \
  actor_rollout_ref.rollout.val_kwargs.do_sample=True \
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0 \
  actor_rollout_ref.rollout.val_kwargs.n=4 \
  reward.custom_reward_function.path=pkg://dqo_verl.rewards.gsm8k \
  reward.custom_reward_function.name=compute_score \
  trainer.project_name=diversity \
  trainer.experiment_name="gsm8k_$METHOD" \
  trainer.n_gpus_per_node="$NGPUS" \
  trainer.nnodes="$NNODES" \
  trainer.total_epochs=15 \
  trainer.val_before_train=True \
  trainer.test_freq=10 \
  trainer.save_freq=50 \
  "$@"
