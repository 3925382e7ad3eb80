"""Labels from a server on this machine that answers like a judge, over real HTTP."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dqo_verl.classifier.data import read_all
from dqo_verl.classifier.label import label
from dqo_verl.classifier.question import PROMPT, render, similar
from dqo_verl.classifier.traces import Traces, draw_pairs
from dqo_verl.cli import parse
from dqo_verl.errors import UserError

PAIRS = [
    Traces("How much?", "[sum] first", "[sum] second"),
    Traces("How many?", "[sum] count", "[multiply] count"),
    Traces("How far?", "[fickle] a", "[sum] b"),
    Traces("How long?", "[mumble] a", "[sum] b"),
]


class Judge:
    """Solutions say their method in brackets. `fickle`: the answer depends on the order. `mumble`: no verdict."""

    def __init__(self):
        self.requests = []
        self.fail_after = 10**9
        self.page = None
        self.most_at_once = 0
        self.now = 0
        outer, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.reply(200, {"object": "list", "data": [{"id": "judge", "object": "model"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.requests.append(body)
                    outer.now += 1
                    outer.most_at_once = max(outer.most_at_once, outer.now)
                time.sleep(0.02)
                with lock:
                    outer.now -= 1
                if len(outer.requests) > outer.fail_after:
                    return self.reply(401, {"error": {"message": "no more money"}})
                methods = re.findall(r'<solution number="\d">\n\[(\w+)\]', body["messages"][0]["content"])
                if "long" in methods:
                    return self.reply(400, {"error": {"message": "maximum context length"}})
                different = methods[0] != "fickle" if "fickle" in methods else len(set(methods)) == 2
                verdict = f"They compare so.\n\n**Different strategies:** {'Yes' if different else 'No'}."
                answer = "Hard to say." if "mumble" in methods else verdict
                choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
                reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "judge", "choices": [choice]}
                self.reply(200, reply)

            def reply(self, status, content):
                data = json.dumps(content).encode() if outer.page is None else outer.page
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if outer.page is None else "text/html")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def judge():
    one = Judge()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_different_strategies_are_not_similar(judge, tmp_path):
    out = tmp_path / "labels.jsonl"
    counts = label(PAIRS, out, "judge", judge.url, 4)
    assert counts == {"different": 1, "similar": 1, "disagreed": 1, "no verdict": 1, "refused": 0}
    pairs, _ = read_all([str(out)])
    assert [(pair.a, pair.similar) for pair in pairs] == [("[sum] first", 1), ("[sum] count", 0)]
    asked = [request["messages"][0]["content"] for request in judge.requests]
    assert {
        render("How many?", "[sum] count", "[multiply] count"),
        render("How many?", "[multiply] count", "[sum] count"),
    } <= set(asked)
    assert len(judge.requests) == 6 + 2 * 3, "a question without a verdict is asked three times"


def test_answers_are_asked_for_once(judge, tmp_path):
    out = tmp_path / "labels.jsonl"
    first = label(PAIRS[:2], out, "judge", judge.url, 4)
    written = out.read_text()
    assert label(PAIRS[:2], out, "judge", "http://127.0.0.1:9/v1", 4) == first, "no server is needed any more"
    assert out.read_text() == written
    assert len(judge.requests) == 4


def test_a_run_that_broke_off_goes_on(judge, tmp_path):
    out = tmp_path / "labels.jsonl"
    judge.fail_after = 2
    with pytest.raises(UserError, match=r"no more money.*2 of 4 answers are missing.*Run the same command again"):
        label(PAIRS[:2], out, "judge", judge.url, 1)
    assert not out.exists()
    cache = tmp_path / "labels.answers.jsonl"
    cache.write_text(cache.read_text() + '["half a li')
    judge.fail_after = 10**9
    asked = len(judge.requests)
    assert label(PAIRS[:2], out, "judge", judge.url, 1)["similar"] == 1
    assert len(judge.requests) == asked + 2


def test_no_more_requests_at_a_time_than_allowed(judge, tmp_path):
    many = [Traces(f"q{i}", "[sum] a", f"[sum] {i}") for i in range(12)]
    label(many, tmp_path / "labels.jsonl", "judge", judge.url, 3)
    assert judge.most_at_once <= 3
    with pytest.raises(UserError, match="--concurrency 0"):
        label(many, tmp_path / "others.jsonl", "judge", judge.url, 0)


def test_what_the_server_refuses_is_left_out_and_counted(judge, tmp_path):
    pairs = [*PAIRS[:2], Traces("How long?", "[long] a", "[sum] b")]
    assert label(pairs, tmp_path / "labels.jsonl", "judge", judge.url, 2)["refused"] == 1
    with pytest.raises(UserError, match="labelled none of 1 pairs"):
        label(pairs[2:], tmp_path / "none.jsonl", "judge", judge.url, 2)


def test_the_endpoint_is_checked_before_anything_is_asked(judge, tmp_path):
    with pytest.raises(UserError, match=r"does not answer \(APIConnectionError"):
        label(PAIRS, tmp_path / "a.jsonl", "judge", "http://127.0.0.1:9/v1", 1)
    with pytest.raises(UserError, match=r"--model llama is not served at .*; it serves judge"):
        label(PAIRS, tmp_path / "a.jsonl", "llama", judge.url, 1)
    judge.page = b"<html>welcome</html>"
    with pytest.raises(UserError, match=r"does not answer \(AttributeError"):
        label(PAIRS, tmp_path / "a.jsonl", "judge", judge.url, 1)
    assert judge.requests == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Different strategies: yes", 0),
        ("different strategies: no.", 1),
        ("**Different strategies**: No", 1),
        ("Different strategies: no\nOn reflection.\nDifferent strategies: yes", 0),
        ("They use different strategies", None),
        ("", None),
    ],
)
def test_verdicts(answer, expected):
    assert similar(answer) == expected


def test_any_text_can_be_asked_about():
    assert "{x} and {prompt}" in render("p", "{x} and {prompt}", "b")


def test_docs_show_the_question():
    from pathlib import Path

    assert PROMPT in (Path(__file__).parents[2] / "docs" / "classifier.md").read_text()


def test_pairs_are_drawn_over_files_and_stay_the_same(write):
    one = write([{"prompt": "p", "responses": ["a", "b", " "]}, {"prompt": "q", "responses": ["x", "x"]}], "one.jsonl")
    two = write([{"prompt": "p", "responses": ["c"]}, {"prompt": "r", "responses": ["k", "l"]}], "two.jsonl")
    pairs = draw_pairs([one, two], 10, seed=0)
    assert {frozenset((pair.a, pair.b)) for pair in pairs if pair.prompt == "p"} == {
        frozenset("ab"),
        frozenset("ac"),
        frozenset("bc"),
    }
    assert [pair.prompt for pair in pairs] == ["p", "p", "p", "r"]
    drawn = draw_pairs([one, two], 1, seed=0)
    assert [pair.prompt for pair in drawn] == ["p", "r"]
    assert drawn == draw_pairs([one, two], 1, seed=0)
    assert any(drawn != draw_pairs([one, two], 1, seed=seed) for seed in range(1, 20))
    with pytest.raises(UserError, match="no prompt has two different solutions"):
        draw_pairs([write([{"prompt": "q", "responses": ["x", "x"]}], "three.jsonl")], 1, seed=0)
    with pytest.raises(UserError, match="1 bad row") as refused:
        draw_pairs([write([{"prompt": "q"}], "four.jsonl")], 1, seed=0)
    # this command has no such option
    assert "--skip-bad" not in str(refused.value)


def test_what_is_labelled_is_not_replaced(tmp_path):
    traces = tmp_path / "traces.jsonl"
    traces.write_text("rows")
    command = ["classifier", "label", str(traces), "--out", str(tmp_path / "x" / ".." / "traces.jsonl"), "--model", "m"]
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match="is also an input file"):
        parse([*command, "--endpoint", "http://127.0.0.1:9/v1"]).run()
    assert traces.read_text() == "rows"
