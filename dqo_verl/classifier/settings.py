"""Settings of a classifier training; saved beside the checkpoint, and compared when the run resumes."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from tyro.conf import arg

from dqo_verl.errors import UserError
from dqo_verl.flags import unset

Precision = Literal["bf16", "fp16", "no"]


@dataclass(frozen=True)
class TrainSettings:
    """Defaults are DARLING's (arXiv 2509.02534, A.1, and its reference code)."""

    backbone: Annotated[str, arg(metavar="NAME")] = "answerdotai/ModernBERT-base"
    """Encoder or decoder, by folder or hub name."""
    steps: Annotated[int, arg(metavar="N")] = 80
    """Number of updates."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Ordered pairs per update, over all processes."""
    micro_batch: Annotated[int, arg(metavar="N")] = 1
    """Ordered pairs that a process computes at once."""
    warmup: Annotated[int, arg(metavar="N")] = 10
    """Steps until the learning rate is at its peak."""
    lr: Annotated[float, arg(metavar="X")] = 2e-5
    """Peak learning rate, which falls to a tenth along a cosine."""
    head_lr: Annotated[float | None, unset("the value of --lr", "X")] = None
    """Peak learning rate of the head and pooler."""
    tokens: Annotated[int, arg(metavar="N")] = 2048
    """Tokens that are read of each response; the rest is cut."""
    dropout: Annotated[float | None, unset("the backbone's own", "P")] = None
    """Dropout of all layers."""
    weight_decay: Annotated[float, arg(metavar="X")] = 0.01
    """Weight decay of AdamW."""
    precision: Annotated[Precision, arg(metavar="bf16|fp16|no")] = "bf16"
    """Mixed precision; weights stay float32."""
    gradient_checkpointing: bool = False
    """Use less memory, but a third more time."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the head, the order of pairs, dropout and folds."""

    def check(self) -> None:
        """Refuse settings that cannot work."""
        for name in ("steps", "batch", "micro_batch", "tokens"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least 1 is needed")
        for name in ("lr", "head_lr"):
            if (value := getattr(self, name)) is not None and value <= 0:
                raise UserError(f"--{name.replace('_', '-')} {value}: a positive number is needed")
        if self.precision not in get_args(Precision):
            raise UserError(f"--precision {self.precision}: choose one of {', '.join(get_args(Precision))}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
