"""Any order of submissions, collects that overlap, failures and evictions: each collect answers rightly, says None, or raises."""

import asyncio
import random
import time

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dqo_verl.core.keys import ResponseKey
from dqo_verl.streaming import stream as module
from dqo_verl.streaming.classes import PartitionStream
from dqo_verl.streaming.embeddings import EmbeddingStream
from dqo_verl.streaming.judged import JudgedStream
from dqo_verl.streaming.stream import identity

BOUND = 8
KEYS = st.builds(ResponseKey, st.sampled_from("pqr"), st.integers(0, 3))
TEXTS = st.sampled_from(["a", "ab", "b", "bc", "", " "])


class Model:
    """Slow, and broken now and then. Texts are the same if they begin alike."""

    def __init__(self):
        self.broken, self.counts = False, {}

    def answers(self):
        time.sleep(0.001)
        if self.broken:
            raise FloatingPointError("broken")

    def embed(self, texts):
        self.answers()
        return np.array([[ord(text[0]) if text else 0] for text in texts], float), np.zeros(len(texts), bool)

    def classify(self, pairs):
        self.answers()
        return [a[:1] == b[:1] for a, b in pairs], set()

    def __call__(self, groups):
        self.answers()
        return [tuple(ord(text[0]) for text in texts) for texts in groups]


def first_letter(text):
    return text.strip()[:1]


class AnyOrder(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop, self.model = asyncio.new_event_loop(), Model()
        self.stream, self.waiting = self.build(), []
        # in the order in which they were forgotten
        self.gone, forget = [], self.stream.forget

        def noted(keys):
            before = list(self.stream.texts)
            forget(keys)
            self.gone += [key for key in before if key not in self.stream.texts]

        self.stream.forget = noted

    def run(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 10))

    @rule(responses=st.lists(st.tuples(KEYS, TEXTS), min_size=1, max_size=6))
    def submit(self, responses):
        for key, text in responses:
            # a response has one text for as long as someone waits for it
            if key.group not in {one.group for keys, *_ in self.waiting for one in keys}:
                self.run(self.stream.submit(key, text))

    @rule(seed=st.integers(0, 2**32), most=st.integers(1, 8), other=st.none() | st.none() | KEYS)
    def collect(self, seed, most, other):
        """Mostly of what is known."""
        keys = random.Random(seed).sample(list(self.stream.texts), min(most, len(self.stream.texts)))
        keys += [other] if other and other not in keys else []
        if not keys:
            return
        task = self.loop.create_task(self.stream.collect(keys))
        self.waiting.append((keys, dict(self.stream.texts), len(self.gone), task))
        self.run(asyncio.sleep(0))

    @rule(broken=st.booleans())
    def breaks(self, broken):
        self.model.broken = broken

    @rule()
    def settle(self):
        for keys, texts, gone, task in self.waiting:
            try:
                collected = self.run(task)
            except FloatingPointError:
                continue
            if collected is None:
                assert not set(keys) <= texts.keys() or set(keys) & set(self.gone[gone:])
            else:
                assert collected.identities == [identity(texts[key]) for key in keys]
                self.right(keys, [texts[key] for key in keys], collected.values)
        self.waiting = []
        assert not self.stream.wanted

    @invariant()
    def bounded(self):
        assert len(self.stream.texts) <= BOUND + 4 * len(self.stream.wanted)

    def teardown(self):
        self.settle()
        if self.stream.loop_task:
            self.run(self.stream.loop_task)
        self.loop.close()


class Embeddings(AnyOrder):
    def build(self):
        return EmbeddingStream(self.model.embed)

    def right(self, keys, texts, values):
        assert values[:, 0].tolist() == [ord(first_letter(text)) if text.strip() else 0 for text in texts]


class Classes(AnyOrder):
    def build(self):
        return PartitionStream(self.model.classify)

    def right(self, keys, texts, values):
        for key, text, value in zip(keys, texts, values, strict=True):
            for other, said, found in zip(keys, texts, values, strict=True):
                if key.group == other.group:
                    assert (value == found) == (first_letter(text) == first_letter(said))


class Judged(Classes):
    def build(self):
        return JudgedStream(self.model)


def machine(kind, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESPONSES", BOUND)
    case = kind.TestCase()
    case.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
    case.runTest()


def test_embeddings(monkeypatch):
    machine(Embeddings, monkeypatch)


def test_classes(monkeypatch):
    machine(Classes, monkeypatch)


def test_judged(monkeypatch):
    machine(Judged, monkeypatch)
