"""A trainer with groups of eight that are split over two processes, twelve rows each: run by test_processes.py with torchrun."""

import json
import os
import sys
from pathlib import Path

from trl import GRPOTrainer

from dqo_verl.trl import Diversity, with_diversity
from tests.integrations.trl.conftest import make_trainer, watch

policy, embedder, out, *settings = sys.argv[1:]
rank = int(os.environ["RANK"])
# `{rank}` in the embedder's place: another one in each process
diversity = Diversity("dqo", embedder=embedder.format(rank=rank), **json.loads(settings[0]))
trainer = make_trainer(
    policy,
    with_diversity(GRPOTrainer),
    diversity,
    per_device_train_batch_size=12,
    steps_per_generation=1,
    max_steps=1,
)
seen = watch(trainer)
trainer.train()
seen["advantages"] = seen["advantages"].tolist()
Path(out, f"{rank}.json").write_text(json.dumps(seen))
