"""The toy with cities: its gradient against exact enumeration, its geometry, and a short run."""

import itertools

import pytest
import torch

import dqo_verl
from experiments.city import __main__ as experiment
from experiments.city import policy as toy
from experiments.city.cities import CITIES, NAMES, REGIONS
from experiments.city.policy import OBJECTIVES

DISTANCE, DETERMINANT, _ = OBJECTIVES


def enumerated(cities: int, k: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(cities), repeat=k)))


def expectation(policy: torch.Tensor, groups: torch.Tensor, of_group: torch.Tensor) -> torch.Tensor:
    return (policy[groups].prod(dim=-1) * of_group).sum()


def expected_ascent(similarity, measure, logits, k):
    """What the surrogate climbs on average over all groups of k."""
    log_policy = logits.log_softmax(dim=0)
    groups = enumerated(len(logits), k)
    probabilities = log_policy.detach().exp()[groups].prod(dim=-1)
    (found,) = torch.autograd.grad(
        (probabilities * toy.surrogate(log_policy, groups, similarity, measure)).sum(), logits
    )
    return found


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(4, 3, dtype=torch.float64, generator=generator), dim=-1)


@pytest.fixture
def logits():
    return torch.tensor([0.3, -1.0, 0.5, 0.0], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_distance_climbs_the_expected_distance_of_two_answers(points, logits, k):
    similarity = DISTANCE.similarity(points)
    policy = logits.softmax(dim=0)
    (exact,) = torch.autograd.grad(policy @ (1 - similarity) @ policy, logits)
    found = expected_ascent(similarity, DISTANCE.measure, logits, k)
    torch.testing.assert_close(found, (k / 2 - 1) * exact)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_determinant_climbs_that_of_one_answer_less(points, logits, k):
    similarity = DETERMINANT.similarity(points)
    groups = enumerated(4, k - 1)
    volume = dqo_verl.set_logdet(similarity[groups[:, :, None], groups[:, None, :]])
    (exact,) = torch.autograd.grad(expectation(logits.softmax(dim=0), groups, volume), logits)
    torch.testing.assert_close(expected_ascent(similarity, DETERMINANT.measure, logits, k), exact)


def test_nearness_of_unit_vectors_is_their_cosine(points):
    torch.testing.assert_close(toy.nearness(points), points @ points.T)


def test_on_a_line_the_distance_keeps_its_two_ends():
    line = torch.linspace(-1, 1, 9, dtype=torch.float64).unsqueeze(1)
    policy = toy.train(DISTANCE.similarity(line), DISTANCE.measure, seed=0, steps=600)
    assert policy[[0, -1]].sum() > 0.9
    assert policy[[0, -1]].min() > 0.3


def test_orthogonal_answers_stay_equally_likely():
    policy = toy.train(torch.eye(6, dtype=torch.float64), DETERMINANT.measure, seed=0, steps=300)
    assert toy.effective(policy) > 5.9


def test_numbers_of_known_policies():
    embeddings = torch.eye(len(NAMES), dtype=torch.float64)
    uniform = experiment.numbers(torch.full((len(NAMES),), 1 / len(NAMES), dtype=torch.float64), embeddings)
    assert uniform["effective cities"] == pytest.approx(len(NAMES))
    assert uniform["effective regions"] == pytest.approx(len(CITIES))
    two = torch.zeros(len(NAMES), dtype=torch.float64)
    two[[0, -1]] = 0.5
    found = experiment.numbers(two, embeddings)
    assert found["effective cities"] == found["effective regions"] == pytest.approx(2)
    assert found["distinct in 10"] == pytest.approx(2 * (1 - 0.5**10))
    assert found["cosine distance"] == pytest.approx(0.5)


def test_every_city_is_there_once_and_has_a_region():
    assert len(set(NAMES)) == len(NAMES) == len(REGIONS)
    assert REGIONS.bincount().tolist() == [8] * len(CITIES)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(1.9, 2.1, "supported"), (2.6, 3, "not supported"), (1, 1.4, "not supported"), (2, 3, "unclear")],
)
def test_verdicts(low, high, said):
    assert experiment.verdict(low, high, experiment.TWO) == said


def test_a_short_run_writes_numbers_and_a_map(tmp_path, monkeypatch, capsys):
    import json
    import xml.etree.ElementTree as ElementTree

    monkeypatch.setattr("sys.argv", ["toy_city", str(tmp_path), "--seeds", "2", "--steps", "5"])
    experiment.main()
    result = json.loads((tmp_path / "result.json").read_text())
    assert [row["objective"] for row in result["rows"]] == [objective.name for objective in OBJECTIVES] * 3
    for row in result["rows"]:
        mean, low, high = row["effective cities"]
        assert 1 <= low <= mean <= high <= len(NAMES)
        assert sum(row["policy"]) == pytest.approx(1)
    texts = "".join(ElementTree.parse(tmp_path / "map.svg").getroot().itertext())
    assert "mean pairwise distance" in texts
    assert capsys.readouterr().out.count("two clusters by distance") == 3
