"""Measures of classes beside DARLING's, against their definitions; classes by final answers."""

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl import Features, Groups, UserError, parse, shape
from dqo_verl.core.measures import MEASURES
from dqo_verl.core.measures.certainty import Certainty
from dqo_verl.core.measures.novelty import Novelty
from dqo_verl.core.measures.set_level import DRAWN, SetLevel, sets_of
from dqo_verl.core.measures.uniqueness import Uniqueness
from dqo_verl.core.sources import AnswerClasses

LETTERS = st.text("abc", min_size=1, max_size=7)


def group(letters, rewards=None):
    rows = torch.arange(len(letters)).unsqueeze(0)
    labels = torch.tensor([ord(letter) for letter in letters])
    quality = torch.tensor([rewards or [1.0] * len(letters)], dtype=torch.float64)
    return Groups(rows, quality, Features(list(letters), classes=labels))


@given(letters=LETTERS)
def test_uniqueness_is_one_over_the_size_of_the_class(letters):
    expected = [1 / letters.count(letter) for letter in letters]
    assert Uniqueness()(group(letters))[0].tolist() == pytest.approx(expected)


@given(letters=LETTERS)
def test_certainty_is_what_entropy_leaves(letters):
    k = len(letters)
    entropy = -sum(n / k * math.log(n / k) for n in Counter(letters).values())
    expected = 1.0 if k == 1 else 1 - entropy / math.log(k)
    assert Certainty()(group(letters))[0].tolist() == pytest.approx([expected] * k, abs=1e-12)


@given(letters=LETTERS, data=st.data())
def test_a_response_is_paid_for_the_sets_that_it_is_in(letters, data):
    k = len(letters)
    rewards = data.draw(st.lists(st.integers(-2, 2).map(float), min_size=k, max_size=k))
    size = data.draw(st.integers(2, 5))
    m = max(1, min(size, k - 1))

    def worth(chosen):
        distinct = len({letters[i] for i in chosen}) / m
        return sum(rewards[i] for i in chosen) / m * distinct

    sets = list(itertools.combinations(range(k), m))
    expected = []
    for i in range(k):
        own = [worth(chosen) for chosen in sets if i in chosen]
        expected.append(sum(own) / len(own))
    assert SetLevel(set_size=size)(group(letters, rewards))[0].tolist() == pytest.approx(expected, abs=1e-9)


def test_sets_of_a_large_group_are_drawn_and_near_the_truth():
    assert len(sets_of(16, 8)) == math.comb(16, 8)
    assert len(sets_of(32, 4)) == DRAWN
    assert all(len(set(members)) == 4 for members in sets_of(32, 4)[:100].tolist())
    letters, rewards = "abcd" * 8, [1.0, 0.0, 0.5, 0.25] * 8
    found = SetLevel(set_size=3)(group(letters, rewards))[0]
    assert math.comb(32, 3) < 12870, "exact"
    drawn = SetLevel(set_size=5)(group(letters, rewards))[0]
    # by symmetry the eight that say the same with the same reward are worth the same
    spread = drawn.reshape(8, 4).std(dim=0)
    assert spread.max() < 0.02
    assert (found.reshape(8, 4).std(dim=0) < 1e-9).all()


@given(k=st.integers(1, 6), seed=st.integers(0, 1000), weight=st.floats(0, 1))
def test_novelty_is_the_distance_to_the_mean_and_to_the_nearest(k, seed, weight):
    rows = torch.nn.functional.normalize(torch.rand(k, 5, generator=torch.Generator().manual_seed(seed)), dim=-1)
    found = Novelty(mean_weight=weight)(
        Groups(torch.arange(k).unsqueeze(0), torch.ones(1, k), Features(range(k), embeddings=rows))
    )
    for i in range(k):
        others = [float(rows[i].double() @ rows[j].double()) for j in range(k) if j != i]
        expected = 1.0 if not others else 1 - (weight * sum(others) / len(others) + (1 - weight) * max(others))
        assert found[0, i].item() == pytest.approx(expected, abs=1e-6)


ANSWERS = ["so #### 9", "4 + 5 = 9.0\n#### 9.00", r"\boxed{9}", "#### 8", "no idea", "", r"\boxed{\frac12}"]


def test_classes_by_final_answers_need_no_model():
    settings = parse({"method": "darling", "classes": "answer"})
    assert isinstance(settings.source, AnswerClasses)
    assert "in another class by final answers" in settings.in_words(8)
    labels = settings.source.of_texts(ANSWERS).classes.tolist()
    assert labels == [0, 0, 0, 1, 2, 2, 3]
    shaped = shape(torch.ones(7), ["p"] * 7, settings.source.of_texts(ANSWERS), settings)
    assert shaped.score.tolist() == pytest.approx([4 / 6] * 3 + [1.0] + [5 / 6] * 2 + [1.0])
    # outcome-based exploration: reward less what is repeated
    added = parse({"measure": "partition", "classes": "answer", "combine": "add", "alpha": 0.5})
    assert added.combine.name == "add"
    with pytest.raises(UserError, match=r"classes=cosine is not known. Choose one of: answer"):
        parse({"method": "darling", "classes": "cosine"})
    with pytest.raises(UserError, match="classes=answer has no effect"):
        parse({"method": "dqo", "classes": "answer"})


def test_an_advantage_is_weighed_and_keeps_its_sign():
    settings = parse({"method": "uniqueness", "classes": "answer", "alpha": 2.0})
    features = settings.source.of_texts(["#### 1", "#### 1", "#### 2", "#### 3"])
    shaped = shape(torch.tensor([1.0, 1.0, 1.0, 0.0]), ["p"] * 4, features, settings)
    assert shaped.factor.tolist() == pytest.approx([0.25, 0.25, 1.0, 1.0])
    assert shaped.to_reward.tolist() == shaped.to_advantage.tolist() == [0.0] * 4
    assert not settings.is_raw
    assert not settings.changes_reward
    assert settings.changes_advantage
    gated = parse({"method": "uniqueness", "classes": "answer", "gate": 0.5})
    outside = shape(torch.tensor([1.0, 1.0, 0.0, 0.0]), ["p"] * 4, features, gated)
    assert outside.factor.tolist() == pytest.approx([0.5, 0.5, 1.0, 1.0]), "outside the gate an advantage stays"
    assert parse({"method": "uniqueness", "alpha": 0}).changes_nothing


@pytest.mark.parametrize("name", ["uniqueness", "certainty", "set_level"])
def test_the_order_of_responses_does_not_matter(name):
    letters, order = "abbac", [3, 1, 4, 0, 2]
    rewards = [1.0, 0.0, 1.0, 1.0, 0.0]
    measure = MEASURES[name]()
    found = measure(group(letters, rewards))[0]
    mixed = measure(group("".join(letters[i] for i in order), [rewards[i] for i in order]))[0]
    torch.testing.assert_close(mixed, found[order])
