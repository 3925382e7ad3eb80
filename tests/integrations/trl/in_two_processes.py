"""Trainers with groups of eight that are split over two processes, twelve rows each: run by test_processes.py with torchrun."""

import json
import os
import sys
from pathlib import Path

from trl import GRPOTrainer

from dqo_verl import UserError
from dqo_verl.trl import Diversity, with_diversity
from tests.integrations.trl.conftest import make_trainer, watch

policy, embedder, other_embedder, out = sys.argv[1:]
rank = int(os.environ["RANK"])


def generation(diversity):
    """What the first one gives."""
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
    return seen | {"advantages": seen["advantages"].tolist()}


found = {
    "raw": generation(Diversity("dqo", embedder=embedder)),
    "decoupled": generation(Diversity("dqo", embedder=embedder, scale="decoupled", alpha=2.0)),
}
try:
    generation(Diversity("dqo", embedder=other_embedder if rank else embedder))
except UserError as error:
    found["refused"] = str(error)
Path(out, f"{rank}.json").write_text(json.dumps(found))
