"""A target for diversity: what it looks at, and how alpha follows."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl import UserError
from dqo_verl.core.features import Features
from dqo_verl.core.scaling import gap
from dqo_verl.core.settings import parse
from dqo_verl.core.shaping import shape
from dqo_verl.core.target import AT_ONCE, DOWN, ENOUGH, LARGEST, NEWEST, UP, similarities, target_of

DIVERSE = {"method": "diverse", "target": 0.8}


def unit(*shape, seed=0):
    vectors = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=-1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12), st.integers(0, 9))
def test_a_response_is_compared_with_the_better_ones_of_its_prompt(rows, seed):
    groups, compared = [group for group, _ in rows], torch.tensor([better for _, better in rows], dtype=torch.bool)
    vectors = unit(len(rows), 3, seed=seed)
    better, expected = [i for i in range(len(rows)) if compared[i]], []
    for i in better:
        siblings = [j for j in better if groups[j] == groups[i] and j != i]
        expected += [sum((vectors[i] @ vectors[j]).item() for j in siblings) / len(siblings)] if siblings else []
    found = similarities(compared, groups, Features(groups, embeddings=vectors))
    assert sorted(found.tolist()) == pytest.approx(sorted(expected))


def test_similarity_does_not_depend_on_how_many_are_better():
    """In the mean: answers drawn from one population are as alike in groups of two as in groups of eight."""
    draw = torch.Generator().manual_seed(0)
    likelihood = torch.tensor([0.5, 0.3, 0.2])
    for k in (2, 8):
        labels = torch.multinomial(likelihood, 20_000, replacement=True, generator=draw)
        groups = [i // k for i in range(len(labels))]
        found = similarities(torch.ones(len(labels), dtype=torch.bool), groups, Features(groups, classes=labels))
        assert found.mean().item() == pytest.approx(likelihood.square().sum().item(), abs=0.01)


def test_without_embeddings_classes_or_else_texts_say_what_is_alike():
    everything, groups = torch.ones(3, dtype=torch.bool), ["p"] * 3
    assert similarities(everything, groups, Features(["a", "a", "b"])).tolist() == [0.5, 0.5, 0]
    classes = torch.tensor([0, 1, 2])
    assert similarities(everything, groups, Features(["a", "a", "b"], classes=classes)).tolist() == [0, 0, 0]


def batch(alike):
    """Two prompts with three right answers each, whose cosine is `alike`, and a wrong one that must not count."""
    a, b, c = torch.eye(5, dtype=torch.float64)[:3] * (1 - alike) ** 0.5 + torch.eye(5)[3] * alike**0.5
    vectors = torch.stack([a, b, c, torch.eye(5, dtype=torch.float64)[4]] * 2)
    quality = torch.tensor([1.0, 1.0, 1.0, 0.0] * 2)
    return quality, [0] * 4 + [1] * 4, Features([str(i) for i in range(8)], embeddings=vectors)


# updates of six better responses until there are enough
START = -(-ENOUGH // 6)


def test_alpha_follows_the_formula():
    target = target_of(parse(DIVERSE))
    for _ in range(START):
        logged = target.follow(*batch(alike=0.25))
        assert logged == {
            "diversity/alpha": 2.0,
            "diversity/answers": pytest.approx(4),
            "diversity/share_of_start": pytest.approx(1),
        }
    total, count, weight, alpha = 6 * 0.25, 6, 2.0, 2.0
    for alike in (*[0.25] * 5, *[0.75] * 5, *[0.1] * 5):
        logged = target.follow(*batch(alike))
        total, count = total + NEWEST * (6 * alike - total), count + NEWEST * (6 - count)
        assert logged["diversity/alpha"] == pytest.approx(alpha), "the weight that this update was shaped with"
        assert logged["diversity/answers"] == pytest.approx(count / total)
        assert logged["diversity/share_of_start"] == pytest.approx(0.25 * count / total)
        missing = 0.8 - 0.25 * count / total
        weight = min(max(weight + missing * (UP if missing > 0 else DOWN), 0), LARGEST)
        alpha = min(max(weight + max(missing, 0) * AT_ONCE, 0), LARGEST)
        assert target.alpha == pytest.approx(alpha)


def test_alpha_stays_within_its_bounds_and_blank_or_single_answers_change_nothing():
    target = target_of(parse(DIVERSE))
    for _ in range(START + 100):
        target.follow(*batch(alike=0.5))
    assert target.alpha == 0, "more diverse than the target"
    for _ in range(200):
        target.follow(*batch(alike=0.99))
    assert target.alpha == LARGEST
    before = target.state
    quality, groups, features = batch(alike=0.5)
    assert target.follow(quality * 0, groups, features) == {"diversity/alpha": LARGEST}, "nothing is better"
    blank = Features(features.identities, embeddings=features.embeddings * 0)
    assert target.follow(quality, groups, blank) == {"diversity/alpha": LARGEST}
    assert target.state == before


def test_where_all_say_the_same_there_is_nothing_to_keep():
    target = target_of(parse(DIVERSE))
    for _ in range(START + 100):
        target.follow(*batch(alike=1.0))
    assert target.share == pytest.approx(1)
    assert target.alpha == 0


def test_shaping_uses_alpha_as_it_is_now_whatever_the_scale_of_rewards():
    target = target_of(parse(DIVERSE | {"alpha": 0}))
    quality, groups, features = batch(alike=0.5)
    for _ in range(START):
        target.follow(quality, groups, features)
    for _ in range(5):
        target.follow(*batch(alike=0.99))
    assert target.alpha > 0
    for scale in (1, 100):
        shaped = shape(quality * scale, groups, features, target.settings)
        assert gap(quality * scale) == scale
        torch.testing.assert_close(shaped.to_reward, target.alpha * scale * shaped.score)


def test_a_run_that_goes_on_has_the_same_weights():
    straight, first = target_of(parse(DIVERSE)), target_of(parse(DIVERSE))
    seen = [batch(alike) for alike in torch.linspace(0.2, 0.9, 40).tolist()]
    expected = [straight.follow(*one) for one in seen]
    found = [first.follow(*one) for one in seen[:27]]
    resumed = target_of(parse(DIVERSE))
    resumed.restore(json.loads(json.dumps(first.state)))
    assert found + [resumed.follow(*one) for one in seen[27:]] == expected


def test_other_runs_have_no_target():
    assert target_of(parse({"method": "dqo"})) is None
    assert target_of(parse({"method": "darling"})) is None


@pytest.mark.parametrize(
    "typed", [{"method": "dqo"}, {"method": "diverse", "unit": "reward"}, {"measure": "dpp", "unit": "gap"}]
)
def test_a_target_needs_a_gate_and_a_unit(typed):
    with pytest.raises(UserError, match="Add gate=mean unit=gap, or drop the target"):
        parse(typed | {"target": 0.8})


def test_the_first_line_says_what_is_steered():
    said = parse(DIVERSE).in_words(8)
    assert said.startswith("reward + alpha x gap between rewards x leave-one-out")
    assert "alpha starting at 2.0 and steered to keep 0.8 of the initial distinct answers, 8 responses" in said


@pytest.mark.parametrize("share", [0, 1.5, -1])
def test_a_target_is_a_share(share):
    with pytest.raises(UserError, match="above 0 and at most 1"):
        parse({"method": "diverse", "target": float(share)})


def test_a_run_without_weight_but_with_a_target_does_change_something():
    assert not parse(DIVERSE | {"alpha": 0}).changes_nothing
    assert parse({"method": "diverse", "alpha": 0}).changes_nothing
