"""What a training run of the classifier depends on; written beside the checkpoint, compared on resume."""

from dataclasses import asdict, dataclass
from typing import Any

from dqo_verl.errors import UserError

PRECISIONS = ("bf16", "fp16", "no")


@dataclass(frozen=True)
class TrainSettings:
    """Defaults are DARLING's (arXiv 2509.02534, A.1, and its reference code)."""

    backbone: str = "answerdotai/ModernBERT-base"
    steps: int = 80
    batch: int = 64  # ordered pairs an update, over all processes
    micro_batch: int = 1  # ordered pairs that a process holds at once
    warmup: int = 10  # steps
    lr: float = 2e-5  # falls to a tenth of it along a cosine
    head_lr: float | None = None  # of the head and pooler; none: the same
    tokens: int = 2048  # of each response
    prompt_tokens: int = 0  # of the prompt before them; 0 leaves it out
    dropout: float | None = None  # none: what the backbone's config says
    weight_decay: float = 0.01
    precision: str = "bf16"
    gradient_checkpointing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "micro_batch", "tokens"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least 1 is needed")
        for name in ("lr", "head_lr"):
            if (value := getattr(self, name)) is not None and value <= 0:
                raise UserError(f"--{name.replace('_', '-')} {value}: a positive number is needed")
        if self.precision not in PRECISIONS:
            raise UserError(f"--precision {self.precision}: one of {', '.join(PRECISIONS)}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
