"""DIVER's and DPWriter's measures of texts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.measures.bleu import bleu, distance_in_words, grams_of
from dqo_verl.core.measures.equations import equations_of, own_equations
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


def test_stretched():
    found = stretched(torch.tensor([[0.2, 0.4, 0.3], [0.5, 0.5, 0.5]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0, 0.5], [1.0, 1.0, 1.0]]))
