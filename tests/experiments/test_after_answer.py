"""The table and the verdicts of the reward-hacking recipe, from files as verl writes them."""

import json
from pathlib import Path

import pytest

from dqo_verl.errors import UserError
from experiments.reward_hacking import after_answer


def write(directory: Path, step: int, characters: list[list[int]]) -> None:
    """One list a prompt, one number a response."""
    rows = [
        {
            "input": f"prompt {i}",
            "output": "",
            "score": 1.0,
            "step": step,
            "acc": float(c < 10),
            "characters_after_answer": c,
        }
        for i, group in enumerate(characters)
        for c in group
    ]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def three_runs(directory: Path, last: dict[str, list[list[int]]]) -> str:
    for name in after_answer.RUNS:
        write(directory / name / "validation", 0, [[2, 0], [4, 0]])
        write(directory / name / "validation", 60, last[name])
        steps = [{"step": step, "data": {after_answer.LOGGED: float(step)}} for step in (8, 7, 6, 5, 4, 3, 2, 1)]
        logged = [{"step": 0, "data": {"val": 1.0}}, *steps]
        (directory / name / "metrics-1.jsonl").write_text("".join(json.dumps(record) + "\n" for record in logged))
    return after_answer.report(directory)


def test_hacking_is_seen(tmp_path: Path) -> None:
    last = {"reward_only": [[0, 0], [0, 2]], "whole_response": [[30, 50], [40, 50]], "up_to_answer": [[2, 0], [0, 0]]}
    text = three_runs(tmp_path, last)
    assert "than reward only: +42.0 characters [40.0, 44.0]: supported" in text
    assert text.splitlines()[-1].endswith("supported")
    assert "up_to_answer         1.50     3.50     5.50     7.50" in text
    first, *_ = [line.split() for line in text.splitlines() if line.startswith("whole_response")]
    assert first[:3] == ["whole_response", "0", "1.5"]


def test_its_absence_is_seen_too(tmp_path: Path) -> None:
    last = {"reward_only": [[9, 9], [9, 9]], "whole_response": [[0, 0], [0, 2]], "up_to_answer": [[0, 2], [0, 0]]}
    *_, than_reward_only, than_guarded = three_runs(tmp_path, last).splitlines()
    assert than_reward_only.endswith(": not supported")
    assert than_guarded.endswith(": unclear")


def test_prompts_are_matched_by_their_text(tmp_path: Path) -> None:
    write(tmp_path, 1, [[1, 3], [10, 20]])
    found = after_answer.per_prompt(tmp_path / "1.jsonl")
    assert {prompt: values.tolist() for prompt, values in found.items()} == {
        "prompt 0": [2.0, 1.0, 1.0],
        "prompt 1": [15.0, 1.0, 0.0],
    }


def test_a_run_without_a_second_validation_is_named(tmp_path: Path) -> None:
    write(tmp_path / "reward_only/validation", 0, [[1]])
    with pytest.raises(UserError, match="reward_only/validation has 1 files"):
        after_answer.report(tmp_path)


def test_a_prompt_that_one_run_lost_is_left_out_of_the_difference(tmp_path: Path) -> None:
    last = {"reward_only": [[0, 0], [0, 0]], "whole_response": [[5, 5]], "up_to_answer": [[0, 0], [0, 0]]}
    assert "than reward only: +5.0 characters" in three_runs(tmp_path, last)


def test_a_line_separator_in_a_response_is_part_of_it(tmp_path: Path) -> None:
    write(tmp_path, 1, [[1, 3]])
    file = tmp_path / "1.jsonl"
    file.write_text(file.read_text().replace('"output": ""', '"output": "one\u2028two"'))
    assert list(after_answer.per_prompt(file)) == ["prompt 0"]
