"""Small sources of the real schemas, written by the tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rows = list[dict[str, Any]]


def chat(content: str, **kwargs: Any) -> dict[str, Any]:
    turn = {"content": content, "role": "user", "language": "English", "toxic": False, "redacted": False}
    return {
        "conversation_hash": content[:9],
        "model": "gpt-4",
        "conversation": [turn | kwargs.pop("turn", {}), turn | {"role": "assistant", "content": "Yes."}],
        "turn": 1,
        "language": "English",
        "toxic": False,
        "redacted": False,
        **kwargs,
    }


def rows_of(n: int, **columns: str) -> Rows:
    """n rows; {i} in a column becomes the number of the row."""
    return [{name: value.replace("{i}", str(i)) for name, value in columns.items()} for i in range(n)]


COMPETITION = {
    "train": [
        {"problem_idx": i, "problem": f"Find ${i} + 1$.", "answer": i + 1, "problem_type": ["X"]} for i in range(3)
    ]
}
SOURCES: dict[str, dict[str, Rows]] = {
    "dolly": {
        "train": [
            {"instruction": "Which?", "context": "Cats or dogs.", "response": "Cats.", "category": "closed_qa"},
            *rows_of(11, instruction="Name city {i}.", context="", response="City {i}", category="open_qa"),
        ]
    },
    "cnn_dailymail": {
        split: rows_of(3, article="Article {i}.", highlights="Point {i}.", id="{i}") for split in ("train", "test")
    },
    "common_gen": {
        split: [
            {"concept_set_idx": i // 2, "concepts": ["ski", f"hill{i // 2}"], "target": f"Text {i}."} for i in range(6)
        ]
        for split in ("train", "validation")
    },
    "gsm8k": {
        split: rows_of(3, question="What is {i} + 1000?", answer="It is <<1000+{i}>>.\n#### 1,00{i}")
        for split in ("train", "test")
    },
    "wildchat10k": {
        "train": [
            *(chat(f"Tell me about number {i}.") for i in range(5)),
            chat("Tell me about number 0."),
            chat("Erzähl mir etwas.", language="German"),
            chat("Something bad.", toxic=True),
            chat("I am NAME_1.", turn={"redacted": True}),
            chat("long " * 400),
            chat("   "),
        ]
    },
    "deepscaler10k": {
        "train": [
            *rows_of(5, problem="Find {i} + 1.", answer="{i}", solution="Add."),
            {"problem": "Find 1 + 1.", "answer": "2", "solution": "Came before, with another answer."},
            {"problem": "In the figure, find x.", "answer": "2", "solution": "Look."},
            {"problem": "In the figure [asy]draw((0,0)--(1,1));[/asy] find x.", "answer": "2", "solution": "Look."},
            {"problem": "Prove it.", "answer": "", "solution": "Clear."},
            {"problem": "Find the bracket.", "answer": "}", "solution": "Look."},
        ]
    },
    "noveltybench": {
        split: rows_of(2, id=split + "-{i}", prompt="Write poem {i}.") for split in ("curated", "wildchat")
    },
    "aime25": COMPETITION,
    "hmmt25": COMPETITION,
    "brumo25": {"train": [{"id": 1, "question": "Find $x$.", "answer": "2^{99}"}]},
    "olympiadbench": {
        "train": [
            {"id": 1, "question": "Find all $x$.", "final_answer": ["$69$,$84$"], "is_multiple_answer": True},
            {"id": 2, "question": "Find $y$.", "final_answer": ["1", "2"], "is_multiple_answer": True},
        ]
    },
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def source_of(tmp_path: Path) -> Callable[[str], str | None]:
    """A directory with a jsonl file per split; none for what is written in the package."""

    def write(name: str) -> str | None:
        if name not in SOURCES:
            return None
        directory = tmp_path / "sources" / name
        directory.mkdir(parents=True)
        for split, rows in SOURCES[name].items():
            (directory / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(directory)

    return write
