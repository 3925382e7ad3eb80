"""A judge's answer is a partition or nothing; the protocol against a real vLLM is in test_servers.py."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.errors import UserError
from dqo_verl.models.judge import Judge, parse, render
from dqo_verl.models.servers import Endpoint

# as models of different families answer
RECORDED = {
    '{"groups": [[1, 3], [2]]}': (0, 1, 0),
    '```json\n{"groups": [[2], [1, 3]]}\n```': (1, 0, 1),
    'Let me think: {"groups": [[1], [2], [3]]} would be wrong, as 1 and 3 add.\n{"groups": [[1,3],[2]]}': (0, 1, 0),
    '<think>{"groups": ...}</think>{\n  "groups": [\n    [1, 2, 3]\n  ]\n}': (0, 0, 0),
    '{"groups": [[1, 3], [], [2]]}': (0, 1, 0),
}
NO_PARTITIONS = [
    "",
    "They are all the same.",
    '{"groups": []}',
    '{"groups": [[1, 2]]}',
    '{"groups": [[1, 2], [2, 3]]}',
    '{"groups": [[1, 2, 3], [4]]}',
    '{"groups": [[0, 1, 2]]}',
    '{"groups": [["1", "2", "3"]]}',
    '{"groups": [1, 2, 3]}',
    '{"groups": [[1, 2, 3]',
    '{"groups": [[1,, 2], [3]]}',
    '{"groups": [[1 2], [3]]}',
    '{"groups": ' + "[" * 100_000,
    '{"groups": [[' + "9" * 5000 + "]]}",
]


@pytest.mark.parametrize(("answer", "expected"), RECORDED.items())
def test_recorded_answers(answer, expected):
    assert parse(answer, 3) == expected


@pytest.mark.parametrize("answer", NO_PARTITIONS, ids=range(len(NO_PARTITIONS)))
def test_what_is_no_partition_is_refused(answer):
    with pytest.raises(ValueError, match=r"groups|once|digit|delimiter|Expecting"):
        parse(answer, 3)


def test_a_reply_that_breaks_off_is_refused_at_once():
    """A pattern with two ways to match a blank would take days for 20 groups."""
    began = time.perf_counter()
    with pytest.raises(ValueError, match="groups"):
        parse('{"groups": [' + "\n  ".join(f"[{number}]" for number in range(1, 2_000)), 2_000)
    assert time.perf_counter() - began < 5


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=12), seed=st.randoms())
def test_any_partition_comes_back(labels, seed):
    groups = {}
    for number, label in enumerate(labels, start=1):
        groups.setdefault(label, []).append(number)
    shuffled = list(groups.values())
    seed.shuffle(shuffled)
    found = parse(json.dumps({"groups": shuffled}), len(labels))
    same = [[a == b for a in labels] for b in labels]
    assert [[a == b for a in found] for b in found] == same


def test_the_prompt_shows_each_answer_once_whatever_stands_in_it():
    shown = render(["{braces}", "%s", "line\nline"])
    assert "Below are 3 answers" in shown
    assert '<answer number="1">\n{braces}\n</answer>' in shown
    assert '<answer number="3">\nline\nline\n</answer>' in shown


def judge(server, deadline=5.0):
    return Judge("m", Endpoint([server.url], deadline, "+algorithm.diversity.deadline"))


def test_sorts_and_counts_what_it_took(judge_server):
    one = judge(judge_server)
    assert one([("ab", "ax", "b"), ("p", "q")]) == [(0, 0, 1), (0, 1)]
    assert one.counts == {"judge/asked": 3, "judge/tokens": 30, "judge/unsorted": 0}
    assert {request["model"] for request in judge_server.seen} == {"m"}


def test_a_busy_server_and_a_judge_that_names_one_twice_are_asked_again(judge_server):
    one = judge(judge_server)
    judge_server.says = [503, '{"groups": [[1, 2], [2]]}']
    assert one([("a", "b")]) == [(0, 1)]
    assert [request["temperature"] for request in judge_server.seen[1:]] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("says", [["I cannot say."] * 3, [None] * 3, [400]])
def test_a_group_that_it_cannot_sort_has_no_partition(judge_server, says):
    one = judge(judge_server)
    judge_server.says = list(says)
    assert one([("a", "b")]) == [None]
    assert one.counts["judge/unsorted"] == 1
    assert not judge_server.says


def test_a_model_that_cannot_sort_is_refused_at_the_start(judge_server):
    judge_server.says = ["Sure!"] * 3
    with pytest.raises(UserError, match=r"The judge m does not sort.*Sure!"):
        judge(judge_server)


def test_a_name_that_the_server_does_not_know_ends_the_start(judge_server):
    judge_server.says = [404]
    with pytest.raises(RuntimeError, match="answered 404"):
        judge(judge_server)
