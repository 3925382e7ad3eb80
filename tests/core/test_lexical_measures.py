"""DIVER's and DPWriter's measures of texts."""

import re
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.measures.bleu import bleu, distance_in_words, grams_of
from dqo_verl.core.measures.equations import SIDE, equations_of, own_equations
from dqo_verl.core.measures.ngram import stretched

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=9).map(" ".join)


@given(response=WORDS.filter(bool), reference=WORDS.filter(bool))
def test_bleu_is_sacrebleus(response, reference):
    from sacrebleu.metrics import BLEU

    theirs = BLEU(smooth_method="add-k", smooth_value=1, tokenize="none", effective_order=False)
    expected = theirs.sentence_score(response, [reference]).score / 100
    assert bleu(grams_of(response), grams_of(reference)) == pytest.approx(expected, abs=1e-9)


def test_distance_in_words():
    assert distance_in_words(["a b c d e"] * 3) == pytest.approx([0.0] * 3)
    assert distance_in_words(["a b c d", "e f g h"]) == [1.0, 1.0]
    assert distance_in_words(["alone"]) == [1.0]
    assert distance_in_words(["", "", "a"]) == pytest.approx([0.5, 0.5, 1.0])
    same, twin, other = distance_in_words(["a b c d e f", "a b c d e f", "a b x y z w"])
    assert same == twin < other


def test_equations():
    assert equations_of("First 4 + 5 = 9. Then 9*2=18, so x = 18.") == {"4+5=9", "9*2=18", "x=18"}
    assert equations_of("no equation") == set()
    assert own_equations(["4 + 5 = 9, 9 = 9", "4+5=9", "5 + 4 = 9", "words"]) == [0.5, 0.0, 1.0, 0.0]


@given(st.text(alphabet="12 +=.x-", max_size=30))
def test_equations_are_those_of_one_pattern(text):
    """The pattern that says it in one line, but takes quadratic time."""
    pattern = re.compile(rf"{SIDE.pattern}\s*=\s*{SIDE.pattern}")
    assert equations_of(text) == {re.sub(r"\s", "", found).rstrip(".") for found in pattern.findall(text)}


@pytest.mark.parametrize("text", ["1" * 100_000, "1+" * 50_000, "1 " * 50_000, " " * 100_000 + "1"])
def test_a_policy_that_repeats_itself_takes_linear_time(text):
    began = time.perf_counter()
    assert equations_of(text) == set()
    assert time.perf_counter() - began < 5


def test_stretched():
    found = stretched(torch.tensor([[0.2, 0.4, 0.3], [0.5, 0.5, 0.5]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0, 0.5], [1.0, 1.0, 1.0]]))
