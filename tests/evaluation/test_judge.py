import time
from pathlib import Path
from typing import Any

import pytest

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.judge import PROMPT, client, judge, parse, render

GROUPS = [
    ("Name a city.", ["Rome", "Rome", "Rome"]),
    ("Name a tree.", ["oak", "elm", "ash"]),
    ("A word?", ["a", "a", "b"]),
]


def test_asks_a_server_and_keeps_the_answers(tmp_path: Path, openai_server: Any) -> None:
    cache = tmp_path / "judge.jsonl"
    assert judge(GROUPS, "m", openai_server.url, cache) == pytest.approx([0.0, 1.0, 0.5])
    assert len(openai_server.requests) == 3
    assert judge([*GROUPS, ("New?", ["x", "y"])], "m", openai_server.url, cache) == pytest.approx([0, 1, 0.5, 1])
    assert len(openai_server.requests) == 4  # only the new group was asked
    judge(GROUPS[:1], "another", openai_server.url, cache)
    assert len(openai_server.requests) == 5  # another model is another judge


def test_busy_server_and_mumbling_judge_are_asked_again(tmp_path: Path, openai_server: Any) -> None:
    openai_server.fail, openai_server.mumble = 1, 1
    assert judge(GROUPS[1:2], "m", openai_server.url, tmp_path / "j", concurrency=1) == [1.0]
    assert [request["temperature"] for request in openai_server.requests] == [0.0, 0.0, 1.0]


def test_a_judge_that_never_answers_stops_the_run(tmp_path: Path, openai_server: Any) -> None:
    openai_server.mumble = 100
    with pytest.raises(ValueError, match="I cannot say"):
        judge(GROUPS, "m", openai_server.url, tmp_path / "j")


def test_a_server_that_is_down_is_named_and_what_it_said_is_kept(
    tmp_path: Path, openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "judge.jsonl"
    judge(GROUPS[:1], "m", openai_server.url, cache)
    down = "http://127.0.0.1:9/v1"
    monkeypatch.setattr(
        "dqo_verl.evaluation.metrics.judge.client", lambda endpoint: client(endpoint).with_options(max_retries=0)
    )
    with pytest.raises(UserError, match=rf"{down}: APIConnectionError.*Run the same command again"):
        judge(GROUPS, "m", down, cache)
    assert judge(GROUPS, "m", openai_server.url, cache) == pytest.approx([0.0, 1.0, 0.5])
    assert len(openai_server.requests) == 3


def test_an_interrupted_line_of_the_cache_is_asked_again(tmp_path: Path, openai_server: Any) -> None:
    cache = tmp_path / "judge.jsonl"
    judge(GROUPS[:1], "m", openai_server.url, cache)
    cache.write_text(cache.read_text().rstrip("\n]")[:-2])
    assert judge(GROUPS[:1], "m", openai_server.url, cache) == [0.0]
    assert judge(GROUPS[:1], "m", openai_server.url, cache) == [0.0]
    assert len(openai_server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "value"), [('{"diversity": 7}', 0.7), ('from {"diversity":0} to {"diversity": 2.5}', 0.25)]
)
def test_parse(answer: str, value: float) -> None:
    assert parse(answer) == value


@pytest.mark.parametrize("answer", ["", "7", '{"diversity": 11}', '{"diversity": -1}'])
def test_parse_refuses(answer: str) -> None:
    with pytest.raises(ValueError, match="diversity"):
        parse(answer)


def test_key_is_needed_for_the_public_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        client(None)


def test_docs_show_the_prompt() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    assert PROMPT.replace("{{", "{").replace("}}", "}") in page


def test_render_takes_any_text() -> None:
    assert "{weird}" in render("{weird}", ["{x}", "y"])


def test_answers_are_saved_as_they_come(tmp_path: Path, openai_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question fails last: what the others cost is not lost."""
    cache, asked = tmp_path / "judge.jsonl", []

    def ask(api: Any, model: str, text: str) -> float:
        asked.append(text)
        if len(asked) > 1:
            return 0.5
        while not cache.exists() or len(cache.read_text().splitlines()) < len(GROUPS) - 1:
            time.sleep(0.01)
        raise UserError("down")

    monkeypatch.setattr("dqo_verl.evaluation.metrics.judge._ask", ask)
    with pytest.raises(UserError, match="down"):
        judge(GROUPS, "m", openai_server.url, cache)
    assert len(cache.read_text().splitlines()) == len(GROUPS) - 1
