"""The streams without Ray: any order, any timing, failures, and what is forgotten."""

import asyncio
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.pairs import ordered
from dqo_verl.streaming import stream as module
from dqo_verl.streaming.classes import PartitionStream
from dqo_verl.streaming.embeddings import EmbeddingStream
from dqo_verl.streaming.service import FeatureWorker
from dqo_verl.streaming.stream import identity


class CountingEmbedder:
    """A vector per text that only depends on the text."""

    def __init__(self):
        self.seen = []
        self.broken = False

    def __call__(self, texts):
        self.seen += texts
        if self.broken:
            raise FloatingPointError("broken")
        return np.array([[len(text), identity(text) % 97] for text in texts], float), np.array(
            ["long" in t for t in texts]
        )


class CountingClassifier:
    def __init__(self, truth):
        self.truth = truth
        self.seen = []
        self.broken = False

    def __call__(self, pairs):
        if self.broken:
            raise RuntimeError("no answer")
        self.seen += pairs
        return [self.truth(*pair) for pair in pairs], {text for pair in pairs for text in pair if "long" in text}


@pytest.mark.parametrize("cuts", ["vectors", "flags"])
def test_a_model_that_gives_too_few_rows_is_an_error_and_no_silence(cuts):
    def embed(texts):
        vectors, flags = CountingEmbedder()(texts)
        return (vectors[:-1], flags) if cuts == "vectors" else (vectors, flags[:-1])

    async def scenario():
        stream = EmbeddingStream(embed)
        keys = [ResponseKey("a", i) for i in range(3)]
        for key in keys:
            await stream.submit(key, f"text {key.sample}")
        with pytest.raises(ValueError, match="shorter"):
            await asyncio.wait_for(stream.collect(keys), 5)

    asyncio.run(scenario())


def test_failures_of_what_is_forgotten_are_forgotten():
    async def scenario():
        embedder = CountingEmbedder()
        embedder.broken = True
        stream = EmbeddingStream(embedder)
        await stream.submit(ResponseKey("stays", 0), "stays")
        for step in range(20):
            keys = [ResponseKey(f"{step}", i) for i in range(4)]
            for key in keys:
                await stream.submit(key, str(key))
            with pytest.raises(FloatingPointError):
                await stream.collect(keys)
            stream.forget(keys)
        return len(stream.failed)

    assert asyncio.run(scenario()) <= 2


def test_embeddings_come_in_the_order_of_the_keys_and_equal_texts_cost_once():
    async def scenario():
        embedder = CountingEmbedder()
        stream = EmbeddingStream(embedder)
        for key, text in (
            (ResponseKey("a", 0), "x"),
            (ResponseKey("a", 1), "yy"),
            (ResponseKey("b", 0), "x"),
            (ResponseKey("b", 1), "a long one"),
        ):
            await stream.submit(key, text)
        collected = await stream.collect(
            [ResponseKey("b", 1), ResponseKey("a", 0), ResponseKey("b", 0), ResponseKey("a", 1)]
        )
        assert collected.values[:, 0].tolist() == [10, 1, 1, 2]
        assert sorted(embedder.seen) == ["a long one", "x", "yy"]
        assert collected.truncated == 1
        assert collected.work_seconds > 0
        assert not stream.texts
        assert not stream.vectors
        assert await stream.collect([ResponseKey("a", 0)]) is None, "handed out once"

    asyncio.run(scenario())


def test_a_key_submitted_twice_counts_once_and_the_last_text_wins():
    async def scenario():
        stream = EmbeddingStream(CountingEmbedder())
        await stream.submit(ResponseKey("a", 0), "first")
        await stream.submit(ResponseKey("a", 0), "second!")
        assert (await stream.collect([ResponseKey("a", 0)])).values[0, 0] == 7

    asyncio.run(scenario())


def test_what_failed_unseen_is_tried_again_and_what_fails_again_is_reported():
    async def scenario():
        embedder = CountingEmbedder()
        stream = EmbeddingStream(embedder)
        embedder.broken = True
        await stream.submit(ResponseKey("a", 0), "x")
        while not stream.failed:
            await asyncio.sleep(0.001)
        embedder.broken = False
        assert (await asyncio.wait_for(stream.collect([ResponseKey("a", 0)]), 5)).values.shape == (1, 2)
        embedder.broken = True
        await stream.submit(ResponseKey("a", 1), "y")
        with pytest.raises(FloatingPointError, match="broken"):
            await asyncio.wait_for(stream.collect([ResponseKey("a", 1)]), 5)

    asyncio.run(scenario())


def test_a_failure_that_nobody_collects_harms_nobody():
    async def scenario():
        embedder = CountingEmbedder()
        stream = EmbeddingStream(embedder)
        embedder.broken = True
        await stream.submit(ResponseKey("dropped", 0), "x")
        while not stream.failed:
            await asyncio.sleep(0.001)
        embedder.broken = False
        await stream.submit(ResponseKey("a", 0), "y")
        assert (await asyncio.wait_for(stream.collect([ResponseKey("a", 0)]), 5)).values.shape == (1, 2)

    asyncio.run(scenario())


def test_the_oldest_are_forgotten_beyond_the_bound(monkeypatch):
    async def scenario():
        monkeypatch.setattr(module, "MAX_RESPONSES", 10)
        stream = EmbeddingStream(CountingEmbedder())
        for i in range(25):
            await stream.submit(ResponseKey("u", i), f"text {i}")
        missing = await stream.missing([ResponseKey("u", i) for i in range(25)])
        assert [key.sample for key in missing] == list(range(15))

    asyncio.run(scenario())


def test_what_nobody_collects_is_forgotten_in_time(monkeypatch):
    async def scenario():
        monkeypatch.setattr(module, "MAX_AGE", 3)
        embeddings, partition = (
            EmbeddingStream(CountingEmbedder()),
            PartitionStream(CountingClassifier(lambda a, b: False)),
        )
        for stream in (embeddings, partition):
            await stream.submit(ResponseKey("filtered", 0), "a long one")
            await stream.submit(ResponseKey("filtered", 1), "another")
            for step in range(6):
                await stream.submit(ResponseKey(f"u{step}", 0), f"text {step}")
                assert await stream.collect([ResponseKey(f"u{step}", 0)])
            assert not stream.texts
            assert not stream.truncated
        assert not embeddings.vectors
        assert not partition.groups

    asyncio.run(scenario())


responses = st.lists(st.sampled_from(["", " ", "a", "b", "c", "d", "e long"]), min_size=1, max_size=8)


@hypothesis_settings(max_examples=60)
@given(st.lists(responses, min_size=1, max_size=4), st.sampled_from(["components", "first_member"]), st.data())
def test_partition_does_not_depend_on_arrival_or_on_who_else_was_there(groups, rule, data):
    """Some responses stream in, in any order, with pauses; some are dropped; the rest is submitted at the end."""
    texts = {ResponseKey(f"g{g}", i): text for g, group in enumerate(groups) for i, text in enumerate(group)}
    same = data.draw(st.sets(st.sampled_from([("a", "b"), ("b", "c"), ("c", "d"), ("a", "e long"), ("d", "e long")])))
    arrival = data.draw(st.permutations(list(texts)))
    streamed = arrival[: data.draw(st.integers(0, len(arrival)))]
    dropped = data.draw(st.sets(st.sampled_from(sorted(texts))))
    kept = [key for key in texts if key not in dropped]

    def truth(a, b):
        return ordered(a, b) in same

    async def partition(first, rest, asked):
        stream = PartitionStream(CountingClassifier(truth), rule)
        for i, key in enumerate(first):
            await stream.submit(key, texts[key])
            if i % 3 == 0:
                await asyncio.sleep(0)
        await stream.submit_many([(key, texts[key]) for key in rest])
        labels = (await asyncio.wait_for(stream.collect(asked), 10)).values.tolist()
        assert not any(key in stream.texts for key in asked)
        class_of = {key: (key.group, label) for key, label in zip(asked, labels, strict=True)}
        return {frozenset(key for key in asked if class_of[key] == label) for label in class_of.values()}

    in_order = asyncio.run(partition([], kept, kept))
    shuffled = data.draw(st.permutations(kept))
    assert asyncio.run(partition(streamed, [key for key in kept if key not in streamed], shuffled)) == in_order


def test_pairs_of_early_responses_are_classified_before_the_group_is_complete():
    async def scenario():
        classifier = CountingClassifier(lambda a, b: True)
        stream = PartitionStream(classifier)
        for i in range(7):
            await stream.submit(ResponseKey("g", i), f"text {i}")
        while len(classifier.seen) < 6:
            await asyncio.sleep(0.001)
        await stream.submit(ResponseKey("g", 7), "text 7")
        collected = await stream.collect([ResponseKey("g", i) for i in range(8)])
        assert collected.values.tolist() == [0] * 8
        assert len(classifier.seen) == 7, "one question per response of a collapsed group"

    asyncio.run(scenario())


def test_a_classifier_that_fails_is_reported_to_the_group_that_needs_it():
    async def scenario():
        classifier = CountingClassifier(lambda a, b: False)
        stream = PartitionStream(classifier)
        classifier.broken = True
        await stream.submit_many([(ResponseKey("g", 0), "a"), (ResponseKey("g", 1), "b")])
        with pytest.raises(RuntimeError, match="no answer"):
            await asyncio.wait_for(stream.collect([ResponseKey("g", 0), ResponseKey("g", 1)]), 5)
        classifier.broken = False
        assert (
            await asyncio.wait_for(stream.collect([ResponseKey("g", 0), ResponseKey("g", 1)]), 5)
        ).values.tolist() == [0, 1]

    asyncio.run(scenario())


def test_submitting_does_not_wait_for_the_model():
    async def scenario():
        release = threading.Event()

        def slow(texts):
            release.wait(60)
            return np.ones((len(texts), 2)), np.zeros(len(texts), bool)

        stream = EmbeddingStream(slow)
        await asyncio.wait_for(stream.submit(ResponseKey("a", 0), "x"), 30)
        await asyncio.wait_for(stream.submit(ResponseKey("a", 1), "y"), 30)
        release.set()
        assert (await stream.collect([ResponseKey("a", 0), ResponseKey("a", 1)])).values.shape == (2, 2)

    asyncio.run(scenario())


def test_a_model_is_not_sent_to_rest_while_it_works():
    """`placement=shared`: the model leaves the GPU after a collect, with more responses waiting."""
    at_work, met = threading.Event(), []

    class SlowEmbedder(CountingEmbedder):
        def __call__(self, texts):
            at_work.set()
            time.sleep(0.1)
            at_work.clear()
            return super().__call__(texts)

    async def scenario():
        worker = object.__new__(FeatureWorker)  # its __init__ wants a GPU
        worker.stream, worker.rests = EmbeddingStream(SlowEmbedder()), True
        worker.model = SimpleNamespace(rest=lambda: met.append(at_work.wait(0.05)))
        await worker.submit(ResponseKey("a", 0), "x")
        await asyncio.sleep(0.05)
        # is next, and at work when the collect below has what it waits for
        await worker.submit(ResponseKey("b", 0), "y")
        assert await worker.collect([ResponseKey("a", 0)], [ResponseKey("a", 0)])

    asyncio.run(scenario())
    assert met == [False]


def test_nothing_is_forgotten_while_it_is_being_collected(monkeypatch):
    monkeypatch.setattr(module, "MAX_RESPONSES", 4)
    go_on = threading.Event()

    class Held(CountingEmbedder):
        def __call__(self, texts):
            assert go_on.wait(10)
            return super().__call__(texts)

    async def scenario():
        stream = EmbeddingStream(Held())
        wanted = [ResponseKey("p", i) for i in range(4)]
        for key in wanted:
            await stream.submit(key, f"text {key.sample}")
        waits = asyncio.create_task(stream.collect(wanted))
        await asyncio.sleep(0)
        for i in range(20):
            await stream.submit(ResponseKey("q", i), "x" * i)
        kept = len(stream.texts)
        go_on.set()
        return kept, await asyncio.wait_for(waits, 10)

    kept, collected = asyncio.run(scenario())
    assert kept == 4
    assert collected.values[:, 0].tolist() == [6] * 4
