"""Asking few pairs must give the partition that all pairs give."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.pairs import RULES, decide_all, ordered, questions_for_components, short_answers_agree, without_model
from dqo_verl.core.settings import parse


def answer(nodes, questions, labels, truth, forests=1):
    """Ask in rounds until nothing is open: labels, questions asked, rounds."""
    decided, rounds = {}, 0
    while open_pairs := questions(nodes, decided, forests):
        assert not set(open_pairs) & decided.keys(), "a pair is asked once"
        decided |= {pair: truth(*pair) for pair in open_pairs}
        rounds += 1
    return labels(nodes, decided), len(decided), rounds


def as_partition(nodes, labels):
    return {frozenset(node for node, other in zip(nodes, labels, strict=True) if other == label) for label in labels}


@given(st.integers(1, 12), st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11))), st.integers(1, 8))
def test_components_equal_union_find_over_all_pairs(n, edges, forests):
    nodes = [f"{i:02d}" for i in range(n)]
    same = {ordered(f"{a:02d}", f"{b:02d}") for a, b in edges}
    labels, asked, _ = answer(nodes, *RULES["components"], lambda a, b: (a, b) in same, forests)
    expected = [{node} for node in nodes]
    for a, b in itertools.combinations(nodes, 2):
        if (a, b) in same:
            left, right = (next(group for group in expected if x in group) for x in (a, b))
            if left is not right:
                left |= right
                expected.remove(right)
    assert as_partition(nodes, labels) == {frozenset(group) for group in expected}
    assert asked <= n * (n - 1) // 2


@given(st.integers(1, 12), st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_first_member_equals_the_greedy_loop(n, edges):
    nodes = [f"{i:02d}" for i in range(n)]
    same = {ordered(f"{a:02d}", f"{b:02d}") for a, b in edges}
    labels, _, _ = answer(nodes, *RULES["first_member"], lambda a, b: (a, b) in same)
    expected: list[list[str]] = []
    for node in nodes:
        for group in expected:
            if ordered(group[0], node) in same:
                group.append(node)
                break
        else:
            expected.append([node])
    assert as_partition(nodes, labels) == {frozenset(group) for group in expected}


@pytest.mark.parametrize("n", [2, 8, 32])
def test_work_at_the_extremes(n):
    nodes = [f"{i:02d}" for i in range(n)]
    _, collapsed, rounds = answer(nodes, *RULES["components"], lambda a, b: True)
    assert (collapsed, rounds) == (n - 1, 1)
    _, distinct, _ = answer(nodes, *RULES["components"], lambda a, b: False)
    assert distinct == n * (n - 1) // 2


def test_a_new_response_is_asked_about_one_member_of_each_class():
    nodes = ["a", "b", "c", "d"]
    decided = {("a", "b"): True, ("a", "c"): False, ("b", "c"): False}
    assert len(questions_for_components(nodes, decided)) == 2


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Paris", "paris", True),
        ("Paris", "Rome", False),
        ("the city of Paris", "Paris the best", True),  # 2 of 4 words
        ("a b c d e", "a b x y z", False),  # 2 of 5
        ("", "", True),
        ("one two three four five six", "one", None),
    ],
)
def test_short_answers(first, second, same):
    assert short_answers_agree(first, second, 5) is same
    assert short_answers_agree(second, first, 5) is same


def test_the_rule_for_short_answers_is_off_by_default():
    words = parse({"method": "darling", "classifier": "x"}).source.short_answer_words
    assert short_answers_agree("Paris", "Paris", words) is None


LONG = "one two three four five six"


@pytest.mark.parametrize(
    ("first", "second", "words", "same"),
    [
        (LONG, LONG, 0, True),
        ("", " \n", 0, True),
        ("", LONG, 0, False),
        (" ", "Paris", 5, False),
        ("Paris", "paris", 5, True),
        ("Paris", "paris", 0, None),
        ("Paris", LONG, 5, None),
    ],
)
def test_what_needs_no_model(first, second, words, same):
    assert without_model(first, second, words) is same
    assert without_model(second, first, words) is same


def test_all_pairs_are_asked_once_in_alphabetical_order():
    asked = []

    def answer(pairs):
        asked.extend(pairs)
        return [pair == ("b", "c") for pair in pairs]

    found = decide_all([["c", "b", "", "c"], ["b", "c"], ["a"], []], answer)
    assert sorted(asked) == [("b", "c")]
    assert found == [
        [[True, True, False, True], [True, True, False, True], [False, False, True, False], [True, True, False, True]],
        [[True, True], [True, True]],
        [[True]],
        [],
    ]
