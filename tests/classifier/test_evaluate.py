import json

import numpy as np
import pytest

from dqo_verl.classifier.baselines import bigrams, jaccard, majority
from dqo_verl.classifier.checkpoint import set_threshold
from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.evaluate import evaluate_checkpoint, evaluate_folds, table
from dqo_verl.classifier.score import Scored, score
from dqo_verl.cli import main


@pytest.fixture
def command(monkeypatch, capsys):
    """`command(*arguments)` -> (exit status, what was printed, what was complained about)."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["dqo-verl", "classifier", *map(str, arguments)])
        status = main()
        return status, *capsys.readouterr()

    return run


@pytest.mark.slow
def test_a_checkpoint_is_judged_beside_baselines(pair_classifier, command, rows, write, tmp_path):
    held_out, train = (
        write(rows(12), "a.jsonl"),
        write([row | {"prompt": f"t{i}"} for i, row in enumerate(rows(30))], "b.jsonl"),
    )
    status, said, _ = command(
        "evaluate", pair_classifier, "--source", held_out, "--train", train, "--out", tmp_path / "found.json"
    )
    assert status == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found["rows"]) == [
        "classifier, both orders",
        "classifier, one order",
        "cosine of MiniLM",
        "2-gram Jaccard",
        "majority",
    ]
    assert all(name in said for name in found["rows"])
    assert (found["pairs"], found["similar"]) == (12, 4)
    assert found["rows"]["majority"]["metrics"]["accuracy"][0] == pytest.approx(2 / 3)
    assert found["rows"]["classifier, both orders"]["thresholds"] == [0.5, 0.5]
    assert "single linkage" in said
    assert "first member" in said


def test_training_prompts_are_not_judged_on(pair_classifier, command, rows, write):
    pairs = write(rows(12))
    status, _, complaint = command("evaluate", pair_classifier, "--source", pairs, "--train", pairs)
    assert status == 2
    assert "12 prompts are in both --source and --train" in complaint


def test_one_class_is_refused_by_both_commands(pair_classifier, command, rows, write, tmp_path):
    pairs = write([row for row in rows(12) if row["similar"]])
    for arguments in (["evaluate", pair_classifier], ["train", "--out", tmp_path / "x"]):
        status, _, complaint = command(*arguments, "--source", pairs)
        assert status == 2
        assert "all 4 pairs are similar; a classifier needs pairs of both kinds" in complaint


def test_what_is_no_pair_classifier_is_refused(backbone, command, rows, write):
    status, _, complaint = command("evaluate", backbone, "--source", write(rows(12)))
    assert status == 2
    assert "is not a trained pair classifier: 2 labels (2 are needed), weights missing" in complaint


def test_scores_are_those_of_the_training_step(pair_classifier, labelled):
    from dqo_verl.core.pairs import ordered
    from dqo_verl.models.pair_classifier import PairClassifier

    estimator = PairClassifier(str(pair_classifier), both_orders=True)
    scored = score(str(pair_classifier), labelled)
    estimator.threshold = float(np.median(scored.both))
    decisions, _ = estimator([ordered(pair.a, pair.b) for pair in labelled])
    assert decisions == (scored.both > estimator.threshold).tolist()
    assert 0 < sum(decisions) < len(decisions)


def test_the_threshold_travels(pair_classifier, labelled, tmp_path):
    import shutil

    shutil.copytree(pair_classifier, tmp_path, dirs_exist_ok=True)
    set_threshold(tmp_path, 0.4375)
    assert score(str(tmp_path), labelled[:2]).threshold == 0.4375


def scored_of(forward, backward, threshold=0.5):
    return Scored(np.array(forward), np.array(backward), threshold, 0)


def test_orders_and_thresholds_by_hand():
    pairs = [LabelledPair(f"p{i}", "a b", "a c", label) for i, label in enumerate((1, 1, 0, 0))]
    result = evaluate_checkpoint(scored_of([0.9, 0.4, 0.2, 0.6], [0.9, 0.8, 0.1, 0.2]), pairs, [], "accuracy", "it")
    both, one = result["rows"].values()
    assert both["metrics"]["accuracy"][0] == 1
    assert one["metrics"]["accuracy"][0] == 0.5
    assert result["order_matters"] == 0.5
    assert "The order of the pair changes the decision on 50% of the pairs." in table(result)


def test_what_is_not_defined_is_a_dash_in_the_table():
    pairs = [LabelledPair(f"p{i}", "a b", "a c", label) for i, label in enumerate((1, 1, 0, 0))]
    result = evaluate_checkpoint(scored_of([0.1] * 4, [0.1] * 4), pairs, [], "accuracy", "it")
    assert "nan" not in table(result)


@pytest.mark.slow
def test_folds_have_thresholds_of_the_others(labelled):
    scores = np.array([0.9 if pair.similar else 0.2 for pair in labelled])
    result = evaluate_folds(scores, [i % 3 for i in range(len(labelled))], labelled, "accuracy", "it")
    assert result["folds"] == 3
    assert result["rows"]["it"]["metrics"]["accuracy"][0] == 1
    assert result["rows"]["majority"]["metrics"]["accuracy"][0] == pytest.approx(2 / 3)


def test_baselines_by_hand():
    pairs = [LabelledPair("p", "the cat sat", "The cat ran", 1), LabelledPair("p", "yes", "Yes", 1)]
    assert jaccard(pairs).tolist() == [1 / 3, 1]
    assert bigrams("one") == {("one", "")}
    assert set(majority(pairs)) == {0}
