"""Teaches tiny policies, and writes their data as parquet for verl."""

# mypy: disable-error-code="import-untyped, no-untyped-call"

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dqo_verl.lab.model import Example


def supervise(model: Any, tokenizer: Any, batch: Callable[[], Sequence[Example]], steps: int) -> Any:
    """Train `model` on the answers of fresh batches, one pass."""
    import torch
    from tqdm import trange

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    # without a terminal that redraws the bar, one line every ten seconds is enough
    often = 0.1 if sys.stderr.isatty() else 10
    for _ in (bar := trange(steps, desc="tiny policy", leave=False, mininterval=often)):
        rows, starts = [], []
        for asked, answer in batch():
            message = [{"role": "user", "content": asked}]
            prompt = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
            starts.append(len(tokenizer(prompt)["input_ids"]))
            rows.append(tokenizer(prompt + answer + tokenizer.eos_token)["input_ids"])
        length = torch.tensor([len(row) for row in rows])
        ids = torch.full((len(rows), int(length.max())), tokenizer.pad_token_id)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        position = torch.arange(ids.shape[1])
        in_answer = (position >= torch.tensor(starts)[:, None]) & (position < length[:, None])
        mask = (position < length[:, None]).long()
        loss = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(~in_answer, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.2f}", refresh=False)
    return model


def write_data(path: Path, data_source: str, problems: Sequence[Example]) -> None:
    """Write parquet with the columns of `dqo-verl prepare`; a problem is a user message and its ground truth."""
    import pandas as pd

    def row(index: int, asked: str, truth: str) -> dict[str, Any]:
        prompt = [{"role": "user", "content": asked}]
        return {
            "data_source": data_source,
            "prompt": prompt,
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": truth},
            "extra_info": {"split": path.stem, "index": index, "prompt": prompt},
        }

    pd.DataFrame(row(index, *problem) for index, problem in enumerate(problems)).to_parquet(path)
