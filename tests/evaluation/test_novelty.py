from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.classes import classes, first_member
from dqo_verl.core.defaults import DEFAULT_COSINE
from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.novelty import check, decide, same_words, utility
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.models.pair_classifier import PairClassifier

MATRICES = st.integers(1, 7).flatmap(lambda k: st.lists(st.booleans(), min_size=k * k, max_size=k * k))


def square(bits: list[bool]) -> torch.Tensor:
    k = int(len(bits) ** 0.5)
    upper = torch.tensor(bits).view(k, k).triu(1)
    return upper | upper.mT | torch.eye(k, dtype=torch.bool)


def test_first_member_rule_by_hand() -> None:
    """0~1 and 1~2 but not 0~2: NoveltyBench compares 2 with 0 only, the connected components join all three."""
    same = torch.eye(4, dtype=torch.bool)
    for i, j in ((0, 1), (1, 2)):
        same[i, j] = same[j, i] = True
    assert first_member(same.tolist()) == [0, 0, 2, 3]
    assert classes(same).tolist() == [0, 0, 0, 3]


@given(MATRICES)
def test_first_member_rule_is_the_nested_loop_of_the_paper(bits: list[bool]) -> None:
    same = square(bits)
    labels = [-1] * len(same)
    for i in range(len(same)):
        if labels[i] < 0:
            for j in range(i, len(same)):
                if labels[j] < 0 and same[i, j]:
                    labels[j] = i
    assert first_member(same.tolist()) == labels
    assert len(set(labels)) >= len(set(classes(same).tolist()))


def test_utility_by_hand() -> None:
    """Classes 0 0 1, scores 2 4 6, p = 1/2: (2 + 0 + 6/4) / (1 + 1/2 + 1/4) = 2. Patience 1: (2 + 6) / 3."""
    assert utility([0, 0, 1], [2, 4, 6], 0.5) == pytest.approx(2.0)
    assert utility([0, 0, 1], [2, 4, 6], 1.0) == pytest.approx(8 / 3)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8), st.floats(0.1, 1.0))
def test_utility_bounds(scores: list[float], patience: float) -> None:
    """All different: the weighted mean. All alike: only the first counts. Scale of NoveltyBench: (1-p)/(1-p^k)."""
    k = len(scores)
    different, alike = utility(range(k), scores, patience), utility([0] * k, scores, patience)
    assert alike <= different + 1e-9
    assert min(scores) - 1e-9 <= different <= max(scores) + 1e-9
    if patience < 0.999:
        assert alike == pytest.approx((1 - patience) / (1 - patience**k) * scores[0])


def test_exact_classifier() -> None:
    found = same_words(["x", "a b", "A  b\n", "a c", "", " "]).int().tolist()
    assert found == [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 1],
    ]


def test_cosine_by_hand() -> None:
    """Angles of 20 and 40 degrees to the first: cosines 0.94 and 0.77; a blank response is a zero row."""
    degrees = torch.tensor([0.0, 20.0, 40.0]).deg2rad()
    rows = torch.cat([torch.stack([degrees.cos(), degrees.sin()], dim=-1), torch.zeros(2, 2)])
    found = decide([["a", "b", "c", "", " "]], Options(classifier="cosine"), [rows])
    assert found.note == {"threshold": DEFAULT_COSINE}
    assert first_member(found.same[0].tolist()) == [0, 0, 2, 3, 3]
    assert classes(found.same[0]).tolist() == [0, 0, 0, 3, 3]
    loose = decide([["a", "b", "c", "", " "]], Options(classifier="cosine", classifier_threshold=-1.0), [rows])
    assert classes(loose.same[0]).tolist() == [0, 0, 0, 3, 3], "a blank response is like no other at any threshold"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classifier": "cosine", "short_answer_words": 5}, "belong to a pair classifier; with --classifier cosine"),
        ({"classifier": "exact", "both_orders": True}, "belong to a pair classifier; with --classifier exact"),
        ({"classifier": "exact", "classifier_tokens": 7}, "--classifier-tokens belong to a pair classifier"),
        ({"classifier_threshold": 0.5}, "--classifier-threshold has no effect on --classifier exact"),
        ({"judge_endpoint": "http://a/v1"}, "--judge-endpoint has no effect without --judge"),
        ({"classifier": "cosine"}, "but --embedder none makes none"),
    ],
)
def test_what_cannot_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(Options(**options), embeds=False)


@pytest.fixture(scope="module")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-label BERT with a word tokenizer, saved as a Hugging Face folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("classifier")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(30))]
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **special
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"vocab_size": len(words), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(**sizes, intermediate_size=64, max_position_embeddings=64, num_labels=2, initializer_range=0.5)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def texts(seed: int, n: int) -> list[str]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(6, 40, (n,), generator=generator).tolist()
    return [" ".join(f"w{int(i)}" for i in torch.randint(0, 30, (m,), generator=generator)) for m in lengths]


def test_classifier_batches_like_single_pairs(tiny_classifier: Path) -> None:
    """CLS first SEP second SEP, each response cut on its own; padding and sorting must not change a decision."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    pairs = list(zip(texts(1, 40), texts(2, 40), strict=True))
    found, cut = PairClassifier(str(tiny_classifier), threshold=0.5, tokens=20)(pairs)
    tokenizer = AutoTokenizer.from_pretrained(tiny_classifier)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier).eval()
    expected = []
    for first, second in pairs:
        a, b = (tokenizer(t, add_special_tokens=False)["input_ids"][:20] for t in (first, second))
        ids = torch.tensor([[2, *a, 3, *b, 3]])
        types = torch.tensor([[0] * (len(a) + 2) + [1] * (len(b) + 1)])
        with torch.no_grad():
            p = model(input_ids=ids, token_type_ids=types, attention_mask=torch.ones_like(ids)).logits.softmax(-1)[0, 1]
        expected.append(bool(p > 0.5))
    assert found == expected
    assert 0 < sum(found) < len(found)
    assert len(cut) == len({t for pair in pairs for t in pair if len(t.split()) > 20})


def by_checkpoint(folder: Path, **options: Any) -> Options:
    return Options(classifier=str(folder), **options)


def test_threshold_and_lengths(tiny_classifier: Path) -> None:
    group = texts(3, 6)
    never, always = (decide([group], by_checkpoint(tiny_classifier, classifier_threshold=t), None) for t in (1.0, 0.0))
    assert never.same[0].int().tolist() == torch.eye(6).int().tolist()
    assert always.same[0].all()
    assert always.note == {
        "threshold": 0.0,
        "tokens of each response": 30,
        "texts cut": sum(len(t.split()) > 30 for t in group),
    }
    shorter = decide([group], by_checkpoint(tiny_classifier, classifier_tokens=8), None)
    assert shorter.note["tokens of each response"] == 8
    assert shorter.note["threshold"] == 0.5, "the checkpoint's own"


def test_equal_blank_and_short_texts_never_reach_the_model(tiny_classifier: Path) -> None:
    """Short texts do unless it is asked for, as in training."""
    long = texts(5, 1)[0]
    group = [long, long, "w1", "w1 w2", "", " \n"]
    (same,) = decide([group], by_checkpoint(tiny_classifier, classifier_threshold=1.0, short_answer_words=5), None).same
    assert first_member(same.tolist()) == [0, 0, 2, 2, 4, 4]
    (same,) = decide([group], by_checkpoint(tiny_classifier, classifier_threshold=1.0), None).same
    assert first_member(same.tolist()) == [0, 0, 2, 3, 4, 4]
    (same,) = decide([group], by_checkpoint(tiny_classifier, classifier_threshold=0.0), None).same
    assert first_member(same.tolist()) == [0, 0, 0, 0, 4, 4]


def test_both_orders_are_asked_for(tiny_classifier: Path) -> None:
    a, b = sorted(texts(6, 2))
    one_order = PairClassifier(str(tiny_classifier))
    (forward, backward), _ = one_order.probabilities([(a, b), (b, a)])
    assert forward != backward
    mean = (forward + backward) / 2
    between = (forward + mean) / 2
    for group in ([a, b], [b, a]):
        for both_orders, p in ((False, forward), (True, mean)):
            options = by_checkpoint(tiny_classifier, classifier_threshold=between, both_orders=both_orders)
            assert bool(decide([group], options, None).same[0][0, 1]) == (p > between)


def test_a_model_with_relative_positions_reads_as_much_of_a_response_as_asked(tmp_path: Path) -> None:
    """NoveltyBench's DeBERTa: 512 positions, none of them learnt by number."""
    import random

    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    from experiments.tiny import policy as tiny

    tokenizer = tiny.build_tokenizer(random.Random(0))
    tokenizer.save_pretrained(tmp_path)
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    relative = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
    config = DebertaV2Config(vocab_size=len(tokenizer), max_position_embeddings=64, **small, **relative)
    DebertaV2ForSequenceClassification(config).save_pretrained(tmp_path)
    longest, usual = PairClassifier(str(tmp_path), tokens=100), PairClassifier(str(tmp_path))
    assert (longest.input.budget, usual.input.budget) == (100, 30)
    pair = ("1 + 2 = " * 60, "3 + 4 = " * 60)
    assert len(longest.input.encode([pair])[0][0]) == 203
    assert 0 < longest.probabilities([pair])[0][0] < 1


def test_a_tokenizer_without_cls_and_sep_marks_the_parts_as_in_training(tmp_path: Path) -> None:
    """DARLING's classifier for mathematics and the tiny one are Qwen models."""
    import random

    from transformers import Qwen2Config, Qwen2ForSequenceClassification

    from experiments.tiny import policy as tiny

    tokenizer = tiny.build_tokenizer(random.Random(0))
    tokenizer.save_pretrained(tmp_path)
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(
        vocab_size=len(tokenizer), num_key_value_heads=2, num_labels=2, pad_token_id=tokenizer.pad_token_id, **small
    )
    Qwen2ForSequenceClassification(config).save_pretrained(tmp_path)
    classifier = PairClassifier(str(tmp_path))
    pairs = [("4 + 5 = 9", "There are 9 apples."), ("8", "9")]
    rows, _, _ = classifier.input.encode(pairs)
    marked = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert {(row[0], row[-1]) for row in rows} == {tuple(marked)}
    first, second = classifier.probabilities(pairs)[0]
    assert first != second
