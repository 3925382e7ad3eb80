import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.files import meta_of, name_of
from dqo_verl.evaluation.rows import prompt_key, prompt_text, read_groups, same_size, slices


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_one_response_a_row_and_one_group_a_row_are_the_same(tmp_path: Path) -> None:
    single = write(
        tmp_path / "a.jsonl",
        {"prompt": "p", "response": "x", "score": 1},
        {"prompt": "q", "response": "z", "score": 0},
        {"prompt": "p", "response": "y", "score": 0.5},
    )
    grouped = write(
        tmp_path / "b.jsonl",
        {"prompt": "p", "responses": ["x", "y"], "scores": [1, 0.5]},
        {"prompt": [{"role": "user", "content": "q"}], "responses": ["z"], "scores": [0]},
    )
    first, second = (read_groups([path], Problems()) for path in (single, grouped))
    for a, b in zip(first, second, strict=True):
        assert (a.prompt_id, a.prompt, a.responses, a.scores) == (b.prompt_id, b.prompt, b.responses, b.scores)
    assert first[0].prompt_id == prompt_key("p")
    assert first[0].where == f"{single}:1"


def test_verls_own_dump_is_read(tmp_path: Path) -> None:
    """Written by verl itself: groups by uid, the last output of a session counts, one text twice is two groups."""
    trainer_base = pytest.importorskip("verl.trainer.ppo.v1.trainer_base", reason="verl is not installed")
    keys = ["u1_0_0", "u1_1_0", "u1_1_1", "u2_0_0", "u2_1_0"]
    texts = ["a", "unfinished", "b", "c", "d"]
    trainer_base.PPOTrainer._write_generations(
        ["p"] * 5, texts, ["42"] * 5, [1.0, 0.0, 0.0, 1.0, 1.0], {"acc": [True, False, False, True, True], "uid": keys},
        str(tmp_path), 20,
    )  # fmt: skip
    groups = read_groups([tmp_path], Problems())
    assert [group.responses for group in groups] == [["a", "b"], ["c", "d"]]
    assert [group.prompt_id for group in groups] == [prompt_key("p"), prompt_key("p") + "#2"]
    assert groups[0].step == 20
    assert groups[0].acc == [1.0, 0.0]
    assert groups[0].ground_truth == "42"


def test_dumps_without_uid_group_by_input_text(tmp_path: Path) -> None:
    rows = [{"input": p, "output": o, "score": 1.0, "gts": None, "step": 3} for p, o in ("ax", "by", "az")]
    groups = read_groups([write(tmp_path / "3.jsonl", *rows)], Problems())
    assert [group.responses for group in groups] == [["x", "z"], ["y"]]


def test_folder_is_read_in_the_order_of_steps(tmp_path: Path) -> None:
    for step in (100, 20):
        write(tmp_path / f"{step}.jsonl", {"input": "p", "output": "o", "score": 1.0, "step": step})
    assert [group.step for group in read_groups([tmp_path], Problems())] == [20, 100]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{"prompt": "p", "resp', "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ({"prompt": "p"}, "needs `prompt` and `response`"),
        ({"response": "p"}, "needs `prompt` and `response`"),
        ({"prompt": "p", "response": None}, "a response is not a text"),
        ({"prompt": "p", "responses": []}, "empty group"),
        ({"prompt": 3, "response": "x"}, "must be a string or a list of chat messages"),
        ({"prompt": "p", "response": "x", "score": "high"}, "`score` must be a finite number"),
        ('{"prompt": "p", "response": "x", "score": NaN}', "`score` must be a finite number"),
        ({"prompt": "p", "responses": ["x", "y"], "scores": [1]}, "`scores` has 1 entries for 2 responses"),
        ({"prompt_id": "1", "prompt": "other", "response": "x"}, "has a different prompt here than at"),
    ],
)
def test_bad_rows_are_named_or_skipped_and_counted(tmp_path: Path, row: Any, told: str) -> None:
    good = {"prompt_id": "1", "prompt": "p", "response": "x"}
    path = write(tmp_path / "a.jsonl", good, "", row)
    strict = Problems()
    read_groups([path], strict)
    with pytest.raises(UserError, match="--skip-bad") as error:
        strict.settle()
    assert f"{path}:3" in str(error.value)
    assert told in str(error.value)
    lenient = Problems(skip=True)
    assert len(read_groups([path], lenient)) == 1
    lenient.settle()
    assert lenient.counts.total() == 1


GOOD = b'{"prompt": "p", "response": "x", "score": 1}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"prompt": "p", "response": "\xff"}', "not a text in UTF-8"),
        ('{"prompt": "p", "response": "x"}'.encode("utf-16"), "not a text in UTF-8"),
        (b'{"prompt": "p", "response": "\\ud83d"}', "half of a character"),
        (b'{"prompt": "p", "response": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"prompt": "p", "response": "x", "score": ' + b"9" * 400 + b"}", "`score` must be a finite number"),
        (b'{"prompt": "p", "response": "x", "reward_model": "gsm8k"}', "`reward_model` must be an object"),
        (b'{"prompt": "p", "response": "x", "extra_info": [1]}', "`extra_info` must be an object"),
        (b'{"prompt": "p", "responses": ["x"], "cut": ["no"]}', "`cut` must be true or false"),
    ],
)
def test_what_is_no_row_is_named_with_its_line_before_anything_is_computed(
    tmp_path: Path, line: bytes, told: str
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(GOOD + line + b"\n")
    strict = Problems()
    read_groups([file], strict)
    with pytest.raises(UserError, match=rf"a\.jsonl:2.*{told}"):
        strict.settle()
    skipped = Problems(skip=True)
    assert [group.responses for group in read_groups([file], skipped)] == [["x"]]


def test_a_packed_file_and_a_mark_at_the_beginning_are_read(tmp_path: Path) -> None:
    (tmp_path / "packed.jsonl").write_bytes(gzip.compress(GOOD))
    (tmp_path / "marked.jsonl").write_bytes(b"\xef\xbb\xbf" + GOOD)
    for name in ("packed", "marked"):
        assert [group.responses for group in read_groups([tmp_path / f"{name}.jsonl"], Problems())] == [["x"]]


def test_mixed_n_is_named_or_skipped(tmp_path: Path) -> None:
    rows = [{"prompt": p, "responses": ["x"] * n} for p, n in (("a", 4), ("b", 3), ("c", 4))]
    path, problems = write(tmp_path / "a.jsonl", *rows), Problems()
    kept = same_size(read_groups([path], problems), problems)
    assert [group.prompt for group in kept] == ["a", "c"]
    with pytest.raises(UserError, match=r"a.jsonl:2: mixed n: 3 response\(s\), the other groups have 4"):
        problems.settle()


def test_groups_of_two_models_are_not_one_by_accident(tmp_path: Path) -> None:
    for name in ("dqo", "grpo"):
        write(tmp_path / f"{name}.jsonl", {"prompt": "p", "responses": [name, name]})
    problems = Problems()
    read_groups([tmp_path], problems)
    with pytest.raises(UserError, match=r"grpo\.jsonl:1.*already at .*dqo\.jsonl:1\. If the files are from two models"):
        problems.settle()
    (pooled,) = read_groups([tmp_path], Problems(), pool=True)
    assert pooled.responses == ["dqo", "dqo", "grpo", "grpo"]


def test_responses_of_two_models_in_rows_of_their_own_are_not_one_group_either(tmp_path: Path) -> None:
    for name in ("dqo", "grpo"):
        write(tmp_path / f"{name}.jsonl", {"input": "p", "output": name, "score": 1.0, "gts": None, "step": 1})
    problems = Problems()
    read_groups([tmp_path], problems)
    with pytest.raises(UserError, match="If the files are from two models"):
        problems.settle()


def test_a_file_that_is_named_twice_counts_once_and_a_group_in_it_only_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"prompt": "p", "responses": ["a", "b"]})
    (group,) = read_groups([file, tmp_path], Problems())
    assert group.responses == ["a", "b"]
    problems = Problems()
    read_groups([write(tmp_path / "a.jsonl", *[{"prompt": "p", "responses": ["a", "b"]}] * 2)], problems)
    with pytest.raises(
        UserError, match=r"a\.jsonl:2.*already at .*a\.jsonl:1, and a row with `responses` is a whole group"
    ):
        problems.settle()


def test_a_folder_may_hold_packed_files_too(tmp_path: Path) -> None:
    row = {"prompt": "p", "response": "x"}
    write(tmp_path / "0.jsonl", row | {"step": 0})
    (tmp_path / "10.jsonl.gz").write_bytes(gzip.compress(json.dumps(row | {"step": 10}).encode()))
    write(tmp_path / "9.jsonl", row | {"step": 9})
    assert [group.step for group in read_groups([tmp_path], Problems())] == [0, 9, 10]
    assert meta_of(tmp_path / "10.jsonl.gz") == tmp_path / "10.meta.json"
    (tmp_path / "alpha0.5").mkdir()
    assert name_of(tmp_path / "alpha0.5") == "alpha0.5"


def test_slices_by_temperature_and_step(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "response": "x", "temperature": t, "step": s} for t, s in ((1.0, 5), (0.6, 5), (0.6, 1))]
    assert list(slices(read_groups([write(tmp_path / "a.jsonl", *rows)], Problems()))) == [(0.6, 1), (0.6, 5), (1.0, 5)]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_groups([tmp_path / "none.jsonl"], Problems())
    with pytest.raises(UserError, match="no responses in"):
        read_groups([write(tmp_path / "empty.jsonl")], Problems())


def test_prompt_text() -> None:
    assert (
        prompt_text([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]) == "[system] s\n\n[user] u"
    )


def test_the_table_that_trl_writes(tmp_path: Path) -> None:
    """Written as TRL 1.16 does, by pandas: one row a response, a column for each reward function."""
    pandas = pytest.importorskip("pandas")
    asked = [{"role": "user", "content": "q"}]
    for step, texts in ((1, ("a", "b")), (2, ("c", "d"))):
        table = {
            "step": [step] * 2,
            "prompt": [asked] * 2,
            "completion": [[{"role": "assistant", "content": text}] for text in texts],
            "quality": [1.0, 0.0],
            "diversity": [0.3, 0.2],
            "advantage": [0.5, -0.5],
        }
        pandas.DataFrame(table).to_parquet(tmp_path / f"completions_{step:05d}.parquet")
    groups = read_groups([tmp_path], Problems())
    assert [(group.step, group.responses, group.scores) for group in groups] == [
        (1, ["a", "b"], [1.0, 0.0]),
        (2, ["c", "d"], [1.0, 0.0]),
    ]
    (named, *_) = read_groups([tmp_path], Problems(), score_field="diversity")
    assert named.scores == [0.3, 0.2]
    table |= {"format": [1.0, 1.0]}
    pandas.DataFrame(table).to_parquet(tmp_path / "completions_00002.parquet")
    problems = Problems(skip=True)
    assert [group.step for group in read_groups([tmp_path], problems)] == [1]
    assert "several rewards (quality, format): name one with --score-field" in problems.found[0]


def test_chat_rows_with_a_reward(tmp_path: Path) -> None:
    """Chat messages, a reward, and calls of tools before the answer; a text is as good."""
    tools = [
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "5"},
        {"role": "assistant", "content": [{"type": "text", "text": "It is 5."}]},
    ]
    rows = [
        {"example_id": 0, "prompt": [{"role": "user", "content": "q"}], "completion": tools, "reward": 1.0},
        {"example_id": 0, "prompt": [{"role": "user", "content": "q"}], "completion": "4", "reward": 0.0},
    ]
    (group,) = read_groups([write(tmp_path / "results.jsonl", *rows)], Problems())
    assert (group.prompt, group.responses, group.scores) == ("q", ["It is 5.", "4"], [1.0, 0.0])


def test_the_episodes_that_verifiers_writes() -> None:
    """A file of verifiers 0.4.0: two tasks, three episodes each, one of them with two turns; weighted rewards."""
    two, one = read_groups([Path(__file__).with_name("verifiers_traces.jsonl")], Problems())
    assert (two.prompt, two.responses, two.scores) == ("2 + 3 =", ["5", "It is 5.", "6"], [1.5, 1.5, 0.5])
    assert (one.prompt, one.responses, one.scores) == ("1 + 1 =", ["2", "2", "two"], [1.5, 1.5, 0.5])


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"a\.parquet: cannot be read as parquet"):
        read_groups([tmp_path / "a.parquet"], Problems())


def test_a_score_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    row = {"prompt": "p", "response": "x", "score": 1}
    problems = Problems(skip=True)
    (group,) = read_groups([write(tmp_path / "a.jsonl", row, row | {"helpful": 2})], problems, score_field="helpful")
    assert group.scores == [2.0]
    assert "has no field `helpful`, which --score-field names" in problems.found[0]
