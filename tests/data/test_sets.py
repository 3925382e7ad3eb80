"""Every data set from a source of its real schema, read back by verl's own loader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dqo_verl.data.options import Prepare
from dqo_verl.data.prepare import prepare
from dqo_verl.data.sources import CITY, SOURCES
from dqo_verl.models.conversation import prompt_of

SourceOf = Callable[[str], str | None]


def load_with_verl(files: list[Path]) -> Any:
    from omegaconf import OmegaConf
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from verl.trainer.ppo.utils import create_rl_dataset

    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    template = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", chat_template=template)
    config = OmegaConf.create(
        {"max_prompt_length": 256, "filter_overlong_prompts": True, "filter_overlong_prompts_workers": 1}
    )
    return create_rl_dataset([str(file) for file in files], config, tokenizer, None)


@pytest.fixture
def rows(source_of: SourceOf, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The rows of one file of a set as verl sees them."""

    def make(name: str, split: str, **kwargs: Any) -> list[dict[str, Any]]:
        prepare(Prepare(name, tmp_path / "out", source_of(name), **kwargs))
        loaded = load_with_verl([tmp_path / "out" / f"{split}.parquet"])
        return [loaded[i] for i in range(len(loaded))]

    return make


@pytest.mark.parametrize("name", SOURCES)
def test_verl_reads_every_set(name: str, source_of: SourceOf, tmp_path: Path) -> None:
    files = prepare(Prepare(name, tmp_path / "out", source_of(name)))
    assert [file.stem for file in files] == list(SOURCES[name].splits)
    for file in files:
        record = json.loads(file.with_suffix(".json").read_text())
        loaded = load_with_verl([file])
        assert len(loaded) == record["rows"] > 0
        assert record["rows_read"] == record["rows_after_filters"] + sum(record["rows_left_out"].values())
        assert record["licence"] == SOURCES[name].licence
        assert record["revision"]
        for i in range(len(loaded)):
            row = loaded[i]
            assert row["index"] == row["extra_info"]["index"] == i
            assert row["extra_info"]["split"] == file.stem
            assert row["raw_prompt"][0]["role"] == "user"
            assert prompt_of(row["extra_info"]) == row["raw_prompt"]


def test_verl_reads_files_of_different_sets_as_one(source_of: SourceOf, tmp_path: Path) -> None:
    files = [file for name in SOURCES for file in prepare(Prepare(name, tmp_path / name, source_of(name)))]
    together = load_with_verl(files)
    assert len(together) == sum(json.loads(file.with_suffix(".json").read_text())["rows"] for file in files)
    sources = {together[i]["data_source"] for i in range(len(together))}
    assert sources == {source.data_source or name for name, source in SOURCES.items()}


def test_gsm8k_is_what_verls_own_rule_reads(rows: Any) -> None:
    from verl.utils.reward_score import default_compute_score

    first = rows("gsm8k", "test")[0]
    assert first["raw_prompt"][0]["content"].startswith("What is 0 + 1000? Let's think step by step")
    truth = first["reward_model"]["ground_truth"]
    assert truth == "1000"
    assert default_compute_score(first["data_source"], "#### 1000", truth) == 1.0


def test_dolly_puts_the_context_after_the_instruction_and_holds_rows_out(rows: Any, tmp_path: Path) -> None:
    train = rows("dolly", "train")
    held_out = load_with_verl([tmp_path / "out" / "test.parquet"])
    prompts = [row["raw_prompt"][0]["content"] for row in train]
    others = [held_out[i]["raw_prompt"][0]["content"] for i in range(len(held_out))]
    assert len(prompts) == len(others) == 6  # never more than half of the rows
    assert set(prompts).isdisjoint(others)
    assert "Which?\n\nCats or dogs." in {*prompts, *others}


def test_wildchat_leaves_out_what_it_says(rows: Any, tmp_path: Path) -> None:
    kept = {row["raw_prompt"][0]["content"] for row in rows("wildchat10k", "train")}
    assert kept == {f"Tell me about number {i}." for i in range(5)}
    assert json.loads((tmp_path / "out" / "train.json").read_text())["rows_left_out"] == {
        "repeats an earlier prompt": 1,
        "not English": 1,
        "marked as toxic": 1,
        "personal data was redacted": 1,
        "longer than 1500 characters": 1,
        "does not begin with text from the user": 1,
    }


def test_deepscaler_leaves_out_questions_about_missing_figures(rows: Any, tmp_path: Path) -> None:
    kept = [row["raw_prompt"][0]["content"] for row in rows("deepscaler10k", "train")]
    assert sum("figure" in prompt for prompt in kept) == sum("[asy]" in prompt for prompt in kept) == 1
    assert all(prompt.endswith("put your final answer within \\boxed{}.") for prompt in kept)
    assert json.loads((tmp_path / "out" / "train.json").read_text())["rows_left_out"] == {
        "repeats an earlier prompt": 1,
        "mentions a figure that is missing": 1,
        "no answer": 1,
        "math-verify does not find its answer equal to itself": 1,
    }


def test_common_gen_asks_for_each_set_of_words_once(rows: Any) -> None:
    assert [row["raw_prompt"][0]["content"] for row in rows("common_gen", "test")] == [
        f"Write a short story that contains all of these words: ski, hill{i}." for i in range(3)
    ]


@pytest.mark.parametrize(
    ("name", "answers"), [("aime25", ["1", "2", "3"]), ("brumo25", ["2^{99}"]), ("olympiadbench", ["69,84", "1,2"])]
)
def test_competitions_keep_their_answers(name: str, answers: list[str], rows: Any) -> None:
    pytest.importorskip("math_verify")
    from dqo_verl.rewards.math import compute_score

    found = [row["reward_model"]["ground_truth"] for row in rows(name, "test")]
    assert found == answers
    for answer in answers:
        assert compute_score(name, f"so $\\boxed{{{answer}}}$", answer)["acc"] == 1


def test_city_is_one_prompt(rows: Any) -> None:
    assert {row["raw_prompt"][0]["content"] for row in rows("city", "train")} == {CITY}


def test_the_seed_decides_the_draw(source_of: SourceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    monkeypatch.setitem(SOURCES, "wildchat10k", dataclasses.replace(SOURCES["wildchat10k"], size=3))
    place = source_of("wildchat10k")

    def draw(out: str, seed: int) -> bytes:
        return prepare(Prepare("wildchat10k", tmp_path / out, place, seed=seed))[0].read_bytes()

    assert draw("a", 0) == draw("b", 0)
    assert len({draw(str(seed), seed) for seed in range(10)}) > 1
    record = json.loads((tmp_path / "a" / "train.json").read_text())
    assert (record["rows"], record["rows_after_filters"], record["seed"]) == (3, 5, 0)
