"""Task `sums`: answer N with two numbers that add up to N, the first from 1 to 12. Each N has twelve equally good answers."""

# mypy: disable-error-code="import-untyped"

import random
import re
from pathlib import Path

from dqo_verl.lab.model import Example

# The number of batches that the policy learns from, and the share of wrong answers in them: it starts imperfect.
LESSONS = 800
WRONG = 0.25
NUMBERS, FIRST = range(20, 116), range(1, 13)
SUM = re.compile(r"([1-9]\d*)\+([1-9]\d*)")


def problems() -> list[Example]:
    """All prompts, with N as ground truth."""
    return [(f"{n} =", str(n)) for n in NUMBERS]


def answer(rng: random.Random, truth: str) -> str:
    first = rng.choice(FIRST)
    wrong_by = rng.choice((-5, -1, 1, 5)) if rng.random() < WRONG else 0
    return f"{first}+{int(truth) - first + wrong_by}"


def is_right(text: str, truth: str) -> bool:
    """Whether the text is a right sum, and nothing else."""
    found = SUM.fullmatch(text)
    return bool(found and int(found[1]) in FIRST and int(found[1]) + int(found[2]) == int(truth))


def save_embedder(directory: Path) -> None:
    """A sentence-transformers model of sums: orthogonal for two different right answers, 0.5 if one number is shared.

    General text embedders don't tell numbers apart well. This one has a one-hot vector for each first and each second number.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    parts = ["[UNK]", *(f"{n}+" for n in range(200)), *(str(n) for n in range(200))]
    tokenizer = Tokenizer(models.WordLevel({part: i for i, part in enumerate(parts)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\d+\+|.+"), "isolated")
    basis = torch.nn.functional.one_hot(torch.arange(len(parts))).float()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=basis)], device="cpu").save(
        str(directory)
    )
