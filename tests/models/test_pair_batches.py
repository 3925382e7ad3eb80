"""Pairs of a classifier in this process: long ones share a batch with fewer others, and no probability depends on that."""

import pytest

from dqo_verl.models.pair_classifier import LocalClassifier, PairClassifier


def test_long_pairs_share_a_batch_with_fewer_others(pair_classifier, monkeypatch):
    model = PairClassifier(str(pair_classifier))
    pairs = [("a word " * n, "another " * n) for n in (1, 2, 3, 40, 50, 60)]
    together, _ = model.probabilities(pairs)
    monkeypatch.setattr(LocalClassifier, "characters_at_once", 1000)
    sizes = []
    compute = model.model.probabilities
    monkeypatch.setattr(
        model.model, "probabilities", lambda rows, second: sizes.append(len(rows)) or compute(rows, second)
    )
    apart, _ = model.probabilities(pairs)
    assert sizes == [1, 1, 1, 3]
    assert apart == pytest.approx(together, abs=1e-5)
