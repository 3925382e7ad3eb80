"""How what a model gave becomes what a measure reads."""

import itertools

import pytest
import torch

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse

# neighbours are 40 degrees apart: a like b, b like c, a unlike c
FAN = {
    letter: torch.tensor([torch.cos(angle), torch.sin(angle)])
    for letter, angle in zip("abc", torch.tensor([0.0, 0.7, 1.4]), strict=True)
}
FAN["_"] = torch.zeros(2)


def classes(letters, samples, rule, compared=None):
    source = parse({"measure": "partition", "threshold": 0.7, "partition": rule}).source
    keys = [ResponseKey("p", sample) for sample in samples]
    counts = torch.ones(len(keys), dtype=torch.bool) if compared is None else torch.tensor(compared)
    found = source.features(keys, counts, list(letters), torch.stack([FAN[letter] for letter in letters])).classes
    return dict(zip(letters, found.tolist(), strict=True))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_greedy_rule_goes_by_sample_not_by_row(order):
    """b joins a or c, depending on who comes first: that must not depend on how the trainer orders its batch."""
    found = classes(["abc"[sample] for sample in order], order, "first_member")
    assert found["a"] == found["b"] != found["c"]


def test_components_join_what_is_connected():
    found = classes("abc", range(3), "components")
    assert found["a"] == found["b"] == found["c"]


def test_what_is_not_compared_joins_nothing():
    found = classes("abc", range(3), "components", compared=[True, False, True])
    assert found["a"] != found["c"]
    assert found["b"] == -1


def test_blank_responses_are_a_class_of_their_own():
    source = parse({"measure": "partition"}).source
    embeddings = torch.stack([FAN["_"], FAN["a"], FAN["_"]])
    keys = [ResponseKey("p", i) for i in range(3)]
    found = source.features(keys, torch.ones(3, dtype=torch.bool), "_a_", embeddings).classes.tolist()
    assert found[0] == found[2] != found[1]


def test_groups_do_not_meet():
    source = parse({"measure": "partition"}).source
    keys = [ResponseKey(group, i) for i, group in enumerate("pqpq")]
    embeddings = torch.stack([FAN["a"], FAN["a"], FAN["c"], FAN["a"]])
    found = source.features(keys, torch.ones(4, dtype=torch.bool), "aaca", embeddings).classes.tolist()
    assert found[0] != found[2]
    assert found[1] == found[3]
