# The tiny profile (no GPU, or PROFILE=cpu); sourced by _common.sh. Its sizes fit two CPU cores; the engine is the same: Ray,
# FSDP2, vLLM. It creates policy, critic, reward model and classifier on first use, with 0.5 million parameters each.

make_tiny() {
  echo "no GPU in use: this is a smoke test of the real engine, with a tiny policy (0.5 million parameters) on sums. To see the effect of diversity, run dqo-verl demo"
  python -m experiments.tiny.policy "$CACHE/tiny"
  case "${TINY[*]}" in
    *"$CACHE/tiny/reward_model"* | *"$CACHE/tiny/classifier"*) python -m experiments.tiny.judges "$CACHE/tiny" ;;
  esac
}

tiny_profile() {
  local override key
  TINY=(
    trainer.device=cpu
    trainer.n_gpus_per_node=1
    trainer.nnodes=1
    data.train_files="$CACHE/tiny/train.parquet"
    data.val_files="$CACHE/tiny/test.parquet"
    data.train_batch_size=16
    data.max_prompt_length=64
    data.max_response_length=48
    data.dataloader_num_workers=0
    actor_rollout_ref.model.path="$CACHE/tiny/policy"
    actor_rollout_ref.model.enable_gradient_checkpointing=False
    actor_rollout_ref.actor.optim.lr=1e-4
    # as many mini-batches per step as in the recipe
    actor_rollout_ref.actor.ppo_mini_batch_size=$((16 * ${MINI:-$BATCH} / BATCH))
    actor_rollout_ref.actor.use_dynamic_bsz=False
    actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=16
    actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=16
    actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=16
    actor_rollout_ref.rollout.tensor_model_parallel_size=1
    actor_rollout_ref.rollout.max_model_len=128
    actor_rollout_ref.rollout.max_num_seqs=64
    actor_rollout_ref.rollout.agent.num_workers=1
    actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=16
    critic.model.path="$CACHE/tiny/policy"
    critic.model.tokenizer_path="$CACHE/tiny/policy"
    critic.ppo_micro_batch_size_per_gpu=16
    critic.optim.lr=1e-3
    reward.num_workers=1
    transfer_queue.backend.SimpleStorage.num_data_storage_units=1
    trainer.total_epochs=1000
    trainer.total_training_steps="${STEPS:-20}"
    trainer.test_freq="${STEPS:-20}"
    trainer.save_freq="${STEPS:-20}"
  )
  # replace any reward model, and a classifier or embedder from the hub; keep a classifier or embedder that is a local folder
  for override in "${ARGS[@]}"; do
    key=${override%%=*}
    case $override in
      reward.reward_model.model_path=*)
        TINY+=(
          "$key=$CACHE/tiny/reward_model"
          reward.reward_model.nnodes=1
          reward.reward_model.n_gpus_per_node=1
          +reward.reward_model.rollout.max_model_len=256
        )
        ;;
      +reward.custom_reward_function.reward_kwargs.model=*) TINY+=("$key=$CACHE/tiny/reward_model") ;;
      +algorithm.diversity.classifier=*) [ -d "${override#*=}" ] || TINY+=("$key=$CACHE/tiny/classifier") ;;
      +algorithm.diversity.embedder=*) [ -d "${override#*=}" ] || TINY+=("$key=sentence-transformers/all-MiniLM-L6-v2") ;;
      *.placement=*) TINY+=("$key=cpu") ;;
      +algorithm.diversity.actors=*) TINY+=("$key=1") ;;
    esac
  done
  [ -n "${DRY_RUN:-}" ] || make_tiny
}
