import math
import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from dqo_verl.evaluation.metrics.lexical import distinct_n, self_bleu, self_rouge
from dqo_verl.evaluation.metrics.of_texts import text_metrics, text_metrics_of_groups

WORD = st.sampled_from(
    ["the", "cat", "sat", "on", "a", "mat", "Paris,", "it's", "U.S.", "3.14", "&amp;", "naïve", "…", "-"]
)
TEXT = st.lists(WORD, max_size=12).map(" ".join)
GROUP = st.lists(TEXT, min_size=2, max_size=6)


def test_distinct_by_hand() -> None:
    """Words a b a | a b: 1-grams {a, b} of 5; 2-grams {ab, ba} of ab, ba, ab; no 4-gram."""
    texts = ["a b a", "a b"]
    assert distinct_n(texts, 1) == pytest.approx(2 / 5)
    assert distinct_n(texts, 2) == pytest.approx(2 / 3)
    assert math.isnan(distinct_n(texts, 4))


def test_self_bleu_by_hand() -> None:
    """`a b c d` against `a b c e`: precisions 3/4, 2/3, 1/2 and, smoothed, 1/2 of 1; equal lengths."""
    expected = (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** (1 / 4)
    assert 1 - self_bleu(["a b c d", "a b c e"]) == pytest.approx(expected)


def test_self_rouge_by_hand() -> None:
    """Common subsequence `a c d` of 4 and 3 words: F = 2 * 3 / 7; with the third text nothing in common."""
    assert 1 - self_rouge(["a b c d", "a c d", "x"]) == pytest.approx((6 / 7 + 0 + 0) / 3)


@given(GROUP)
def test_self_bleu_is_sacrebleu(texts: list[str]) -> None:
    bleu = BLEU(effective_order=True)
    tokenless = [not bleu.tokenizer(text).split() for text in texts]
    scores = []
    for i, text in enumerate(texts):
        if tokenless[i]:
            scores.append(float(sum(tokenless) > 1))
        else:
            scores.append(bleu.sentence_score(text, texts[:i] + texts[i + 1 :]).score / 100)
    assert 1 - self_bleu(texts) == pytest.approx(np.mean(scores), abs=1e-12)


@given(GROUP)
def test_self_rouge_is_rouge_score(texts: list[str]) -> None:
    from rouge_score.tokenize import tokenize

    scorer = RougeScorer(["rougeL"])
    scores = []
    for a, b in combinations(texts, 2):
        scores.append(1.0 if not a and not b else scorer.score(a, b)["rougeL"].fmeasure)
    if any(text and not tokenize(text, None) for text in texts):
        assert math.isnan(self_rouge(texts))  # nothing that ROUGE can see
    else:
        assert 1 - self_rouge(texts) == pytest.approx(np.mean(scores), abs=1e-12)


@given(GROUP)
def test_distinct_agrees_with_a_plain_count(texts: list[str]) -> None:
    grams = [w.split()[i : i + 2] for w in texts for i in range(len(w.split()) - 1)]
    value = distinct_n(texts, 2)
    assert math.isnan(value) if not grams else value == len({tuple(gram) for gram in grams}) / len(grams)


@given(TEXT, st.integers(2, 6))
def test_identical_responses_have_no_diversity(text: str, k: int) -> None:
    found = text_metrics([text] * k)
    assert found["self_bleu"] == pytest.approx(0, abs=1e-12)
    assert math.isnan(found["self_rouge"]) or found["self_rouge"] == pytest.approx(0, abs=1e-12)
    if text.split():
        assert found["distinct_1"] == pytest.approx(distinct_n([text], 1) / k)


@given(GROUP, st.randoms())
def test_order_does_not_matter(texts: list[str], shuffler: random.Random) -> None:
    shuffled = list(texts)
    shuffler.shuffle(shuffled)
    assert text_metrics(shuffled) == pytest.approx(text_metrics(texts), nan_ok=True)


@given(GROUP)
def test_values_are_shares(texts: list[str]) -> None:
    values = text_metrics(texts).values()
    assert all(math.isnan(v) or -1e-12 <= v <= 1 + 1e-12 for v in values)


def test_rouge_does_not_call_other_scripts_identical() -> None:
    assert math.isnan(self_rouge(["\u732b\u304c\u5ea7\u3063\u305f", "\u72ac\u304c\u8d70\u3063\u305f"]))
    assert self_rouge(["", " "]) == 0


def test_a_single_response_has_no_self_metrics() -> None:
    found = text_metrics(["a b"])
    assert {name for name, value in found.items() if not math.isnan(value)} == {"distinct_1", "distinct_2"}


def test_processes_change_nothing() -> None:
    generator = random.Random(0)
    groups = [[" ".join(generator.choices("abcdefgh", k=30)) for _ in range(3)] for _ in range(150)]
    assert text_metrics_of_groups(groups, 2) == text_metrics_of_groups(groups, 1)
