"""Labelled pairs that a small model can learn, and small backbones with random weights."""

import json
import random

import pytest

WORDS = ["apple", "pear", "plum", "fig", "kiwi", "melon", "grape", "lemon", "peach", "mango"]


def _rows(number, seed=0):
    """Similar: both speak of fruit. Different: the second one speaks of tools."""
    rng = random.Random(seed)
    tools = [word.upper() + "x" for word in WORDS]
    found = []
    for i in range(number):
        similar = i % 3 == 0
        a = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(3, 9)))
        b = " ".join(rng.choice(WORDS if similar else tools) for _ in range(rng.randrange(3, 9)))
        found.append({"prompt": f"q{i}", "generation_0": a, "generation_1": b, "similar": int(similar)})
    return found


@pytest.fixture(scope="session")
def rows():
    return _rows


@pytest.fixture
def write(tmp_path):
    """`write(rows, name)` -> path of a jsonl file."""

    def to_file(content, name="pairs.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
        return path

    return to_file


@pytest.fixture
def labelled():
    from dqo_verl.classifier.data import check

    return check(_rows(60), "made here")


@pytest.fixture(scope="session")
def backbone(tiny_bert):
    """A BERT body without a head, with two token types and dropout."""
    from transformers import BertModel

    return tiny_bert(BertModel)


@pytest.fixture(scope="session")
def decoder(tmp_path_factory):
    """A Qwen3 body with a tokenizer that has neither CLS nor SEP."""
    import random as randomness

    import torch
    from transformers import Qwen3Config, Qwen3Model

    from experiments.tiny.policy import build_tokenizer

    directory = tmp_path_factory.mktemp("decoder")
    torch.manual_seed(0)
    tokenizer = build_tokenizer(randomness.Random(0))
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    Qwen3Model(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture
def settings(backbone):
    from dqo_verl.classifier.settings import TrainSettings

    def of(**values):
        usual = {"backbone": str(backbone), "steps": 6, "batch": 8, "micro_batch": 8, "warmup": 1, "lr": 1e-3}
        return TrainSettings(**(usual | {"precision": "no"} | values))

    return of
