"""Where data may come from, what is said about bad data, and that half a file never stays."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from dqo_verl.cli import main
from dqo_verl.data import prepare as module
from dqo_verl.data.options import Prepare
from dqo_verl.data.prepare import prepare
from dqo_verl.data.schema import check_row
from dqo_verl.errors import UserError

SourceOf = Callable[[str], str | None]


def content(file: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return list(pq.read_table(file).to_pylist())


# ---- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["jsonl", "parquet", "saved", "directory of parquet"])
def test_every_local_form_gives_the_same_rows(form: str, source_of: SourceOf, tmp_path: Path) -> None:
    directory = source_of("gsm8k")
    assert directory is not None
    wanted = content(prepare(Prepare("gsm8k", tmp_path / "wanted", directory))[1])
    table = datasets.Dataset.from_json(f"{directory}/test.jsonl")
    place = tmp_path / "place"
    if form == "jsonl":
        given = Path(directory) / "test.jsonl"
    elif form == "parquet":
        given = tmp_path / "test-00000-of-00001.parquet"
        table.to_parquet(given)
    elif form == "saved":
        datasets.DatasetDict({"train": table, "test": table}).save_to_disk(place)
        given = place
    else:
        place.mkdir()
        for split in ("train", "test"):
            table.to_parquet(place / f"{split}-00000-of-00001.parquet")
        given = place
    files = {file.stem: file for file in prepare(Prepare("gsm8k", tmp_path / "out", str(given)))}
    assert content(files["test"]) == wanted
    assert ("train" in files) == (form in ("saved", "directory of parquet"))


def test_a_saved_single_split_is_taken_where_a_set_has_one(source_of: SourceOf, tmp_path: Path) -> None:
    table = datasets.Dataset.from_json(f"{source_of('aime25')}/train.jsonl")
    table.save_to_disk(tmp_path / "saved")
    assert len(content(prepare(Prepare("aime25", tmp_path / "out", str(tmp_path / "saved")))[0])) == 3


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("gsm8k", "nothing/there.jsonl", "no such file or directory"),
        ("gsm8k", "./nothing", "no such file or directory"),
        ("gsm8k", "rows.jsonl", "which split is it"),
        ("aime25", "rows.csv", r"one type \(\.jsonl"),
        ("aime25", "broken.jsonl", r"broken\.jsonl cannot be read: .*JSON"),
        ("aime25", "empty", "none of its data files"),
        ("city", "rows.jsonl", "leave out --source"),
        ("cities", "rows.jsonl", "Choose one of: dolly"),
    ],
)
def test_a_place_that_cannot_serve_is_named(
    name: str, place: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"problem": "Find x.", "answer": "1"}\n')
    Path("rows.csv").write_text("problem,answer\n")
    Path("broken.jsonl").write_text('{"problem": "Find x.", "answer": "1"}\n{"problem": \n')
    Path("empty").mkdir()
    with pytest.raises(UserError, match=message):
        prepare(Prepare(name, tmp_path / "out", place))


def test_a_revision_of_a_local_file_is_refused(source_of: SourceOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--revision main is for the hub"):
        prepare(Prepare("aime25", tmp_path / "out", source_of("aime25"), revision="main"))


# ---- bad data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("gsm8k", {"question": "Q?", "answer": "It is 5."}, r"row 1, column answer: .*ends in '#### number'.*It is 5"),
        ("gsm8k", {"question": "  ", "answer": "#### 5"}, "row 1, column question: expected non-blank text"),
        ("gsm8k", {"query": "Q?", "answer": "#### 5"}, "row 1, column question: expected non-blank text.*None"),
        ("dolly", {"instruction": None, "response": "R"}, "row 1, column instruction: .*found None"),
        ("aime25", {"problem": "P", "answer": 0.5}, r"row 1, column answer: .*whole number, found \[0.5\]"),
        ("noveltybench", {"text": "P"}, "row 1, column prompt"),
    ],
)
def test_a_bad_row_is_named_and_leaves_no_file(name: str, bad: Any, message: str, tmp_path: Path) -> None:
    good = {
        "gsm8k": {"question": "Q?", "answer": "#### 5"},
        "dolly": {"instruction": "I", "response": "R"},
        "aime25": {"problem": "P", "answer": 1.0 if bad.get("answer") == 0.5 else 1},
        "noveltybench": {"prompt": "P"},
    }[name]
    if name == "aime25":
        good = bad
        message = message.replace("row 1", "row 0")
    split = {"gsm8k": "test", "noveltybench": "curated"}.get(name, "train")
    file = tmp_path / f"{split}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in (good, bad)))
    with pytest.raises(UserError, match=message) as caught:
        prepare(Prepare(name, tmp_path / "out", str(file)))
    assert str(file) in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_a_source_without_the_column_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"q": "Q?", "a": "#### 5"}\n')
    with pytest.raises(UserError, match="row 0, column answer is missing; the row has: q, a"):
        prepare(Prepare("gsm8k", tmp_path / "out", str(tmp_path / "test.jsonl")))


def good_row() -> dict[str, Any]:
    messages = [{"role": "user", "content": "Q?"}]
    return {
        "data_source": "x",
        "prompt": messages,
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "5"},
        "extra_info": {"split": "test", "index": 0, "id": "0", "prompt": messages},
    }


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("data_source", "", "column data_source: expected non-blank text"),
        ("prompt", [], "column prompt: expected chat messages"),
        ("prompt", [{"role": "assistant", "content": "A"}], "column prompt: expected chat messages, the last one from"),
        ("prompt", [{"role": "bot", "content": "A"}, {"role": "user", "content": "Q"}], r"prompt\[0\].role: .*'bot'"),
        ("prompt", [{"role": "user", "content": " "}], r"prompt\[0\].content: expected non-blank text"),
        ("reward_model", {"style": "rules", "ground_truth": "5"}, "reward_model.style: expected rule or model"),
        ("reward_model", {"style": "rule", "ground_truth": " "}, "reward_model.ground_truth: expected the answer"),
        ("reward_model", {"style": "model", "ground_truth": 5}, "reward_model.ground_truth: .*found 5"),
        ("extra_info", {"prompt": []}, "extra_info.prompt: expected the same messages"),
    ],
)
def test_the_check_names_the_column(column: str, value: Any, message: str) -> None:
    check_row(good_row())
    with pytest.raises(UserError, match=message):
        check_row(good_row() | {column: value})


# ---- finished, interrupted, made otherwise ---------------------------------------------------------------------------


def test_an_interrupted_build_leaves_nothing_and_goes_on_where_it_was(
    source_of: SourceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, place = tmp_path / "out", source_of("gsm8k")

    def interrupt(row: dict[str, Any]) -> None:
        if row["extra_info"]["split"] == "test" and row["extra_info"]["index"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "check_row", interrupt)
        patch.setattr(module, "ROWS_AT_ONCE", 1)
        with pytest.raises(KeyboardInterrupt):
            prepare(Prepare("gsm8k", out, place))
    assert sorted(file.name for file in out.iterdir()) == ["train.json", "train.parquet"]
    made = (out / "train.parquet").stat().st_mtime_ns
    prepare(Prepare("gsm8k", out, place))
    assert (out / "train.parquet").stat().st_mtime_ns == made
    assert len(content(out / "test.parquet")) == 3


def test_a_finished_file_needs_no_source_and_is_not_made_otherwise(source_of: SourceOf, tmp_path: Path) -> None:
    out, place = tmp_path / "out", source_of("gsm8k")
    assert place is not None
    first = prepare(Prepare("gsm8k", out, place))
    shutil.rmtree(place)
    assert prepare(Prepare("gsm8k", out, place)) == first
    with pytest.raises(UserError, match=r"train\.parquet was made with seed=0, not 1\. Add --force"):
        prepare(Prepare("gsm8k", out, place, seed=1))
    with pytest.raises(UserError, match="made with data_set=gsm8k, not dolly"):
        prepare(Prepare("dolly", out, place))


def test_force_and_limit(source_of: SourceOf, tmp_path: Path) -> None:
    out, place = tmp_path / "out", source_of("gsm8k")
    prepare(Prepare("gsm8k", out, place))
    files = prepare(Prepare("gsm8k", out, place, limit=2, force=True))
    assert [len(content(file)) for file in files] == [2, 2]


# ---- command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def command(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["dqo-verl", "prepare", *words])
        return main()

    return command


def test_the_command(
    run: Callable[..., int], source_of: SourceOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("aime25", "--source", str(source_of("aime25")), "--out", str(tmp_path / "out"), "--limit", "2") == 0
    assert "test.parquet: 2 of 3 rows" in capsys.readouterr().out
    for typed, told in (
        (["aime25", "--source", "./nothing"], "--source ./nothing: there is no such file"),
        (["aime25", "--limit", "0"], "--limit 0: at least 1 is needed"),
        (["aime26"], "there is no data set aime26"),
    ):
        assert run(*typed, "--out", str(tmp_path / "other")) == 2
        assert capsys.readouterr().err.startswith(f"dqo-verl prepare: {told}")


def test_the_default_directory(run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DQO_VERL_CACHE", str(tmp_path))
    assert run("city") == 0
    assert len(content(tmp_path / "data" / "city" / "train.parquet")) == 256
