"""DQO in TRL on GSM8K. On a GPU it trains Qwen2.5-0.5B, after `dqo-verl prepare gsm8k`; without one a tiny policy, in minutes.

python recipes/trl_dqo_gsm8k.py
"""

from pathlib import Path

import torch
from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer

from dqo_verl.rewards.gsm8k import compute_score
from dqo_verl.trl import Diversity, with_diversity

if torch.cuda.is_available():
    model, data = "Qwen/Qwen2.5-0.5B-Instruct", Path("~/.cache/dqo_verl/data/gsm8k").expanduser()
    size = {"max_completion_length": 512, "max_steps": 1000, "learning_rate": 1e-6}
else:
    from experiments.tiny.policy import build

    build(data := Path("runs/tiny"))
    model = str(data / "policy")
    size = {"max_completion_length": 64, "max_steps": 60, "learning_rate": 3e-4, "bf16": False}


def correct(completions, reward_model, **_):
    rows = zip(completions, reward_model, strict=True)
    return [compute_score("gsm8k", said[-1]["content"], row["ground_truth"])["score"] for said, row in rows]


trainer = with_diversity(GRPOTrainer)(
    model=model,
    reward_funcs=correct,
    args=GRPOConfig("outputs/trl_dqo_gsm8k", per_device_train_batch_size=64, scale_rewards="none", **size),
    train_dataset=load_dataset("parquet", data_files=str(data / "train.parquet"), split="train"),
    diversity=Diversity("dqo", alpha=1.0),
)
trainer.train()
