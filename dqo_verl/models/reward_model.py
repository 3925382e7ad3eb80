"""A transformers sequence classifier as a reward model: one number per conversation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dqo_verl.models.conversation import tokens

BATCH_SIZE = 16


class SequenceClassifier:
    """The classifier and its tokenizer. Missing, unexpected or mismatched weights are an error."""

    def __init__(self, name: str, device: str):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from dqo_verl.models.athene import HEAD, AtheneForSequenceClassification

        path = _local(name)
        is_athene = HEAD in _weight_names(path)
        kind: Any = AtheneForSequenceClassification if is_athene else AutoModelForSequenceClassification
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        self.model, report = kind.from_pretrained(path, dtype=dtype, output_loading_info=True)
        wrong = {key: sorted(map(str, names))[:3] for key, names in report.items() if names}
        if wrong:
            raise ValueError(
                f"the weights of {name} do not fit {type(self.model).__name__}, so its scores would mean nothing: {wrong}"
            )
        if not is_athene and self.model.config.num_labels != 1:
            raise ValueError(f"{name} has {self.model.config.num_labels} labels; a reward model has one")
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        if is_athene and self.tokenizer.cls_token_id is None:
            raise ValueError(f"the tokenizer of {name} has no cls_token, which Athene needs at the end of its input")
        self.last = [self.tokenizer.cls_token_id] if is_athene else []
        self.limit = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
        pad = self.model.config.pad_token_id
        # transformers finds the last token of a row by its pad token: without one it can read a single row only
        self.batch_size = BATCH_SIZE if is_athene or pad is not None else 1
        self.pad = 0 if pad is None else pad
        self.torch = torch
        self.device = device
        # no more tokens follow
        self.model.config.use_cache = False
        self.model.to(device).eval()

    def read(self, prompt: Sequence[dict[str, str]], response: str) -> tuple[list[int], bool]:
        return tokens(self.tokenizer, prompt, response, self.limit, self.last)

    def __call__(self, rows: Sequence[list[int]]) -> list[float]:
        width = max(map(len, rows))
        ids = self.torch.tensor([row + [self.pad] * (width - len(row)) for row in rows], device=self.device)
        mask = self.torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        with self.torch.inference_mode():
            found = self.model(input_ids=ids, attention_mask=mask)
        scores: list[float] = getattr(found, "logits", found).float().flatten().tolist()
        return scores


def _local(name: str) -> Path:
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser()
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]))


def _weight_names(path: Path) -> set[str]:
    index, single = path / "model.safetensors.index.json", path / "model.safetensors"
    if index.is_file():
        return set(json.loads(index.read_text())["weight_map"])
    if not single.is_file():
        raise FileNotFoundError(f"{path} has no model.safetensors, so it is not the directory of a reward model")
    from safetensors import safe_open

    with safe_open(single, framework="pt") as weights:
        return set(weights.keys())
