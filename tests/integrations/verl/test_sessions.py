import torch

from dqo_verl.integrations.verl.estimator import add_at_last_token, has_siblings
from dqo_verl.integrations.verl.sessions import Sessions


def test_keys_with_underscores_in_the_uid():
    sessions = Sessions.read(["my_uid_0_1", "my_uid_0_0", "pad_0_0", "my_uid_1_0"], [{}, {}, {"is_padding": True}, {}])
    assert sessions.keys == [("my_uid", 0), ("my_uid", 1)]
    assert [str(key) for key in sessions.keys] == ["my_uid_0", "my_uid_1"]
    assert sessions.uids == ["my_uid", "my_uid"]
    assert sessions.final_row.tolist() == [0, 3]
    assert sessions.broadcast(torch.tensor([5.0, 7.0])).tolist() == [5.0, 5.0, 0.0, 7.0]


def test_an_output_index_counts_as_a_number():
    assert Sessions.read(["a_0_9", "a_0_10"], [{}, {}]).final_row.tolist() == [1]


def test_only_padding():
    sessions = Sessions.read(["p_0_0"], [{"is_padding": True}])
    assert sessions.broadcast(torch.tensor([])).tolist() == [0.0]


def test_bonus_lands_on_the_last_token_of_the_model():
    mask = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    rewards = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    added = add_at_last_token(rewards, mask, torch.tensor([0.5, 0.25, -0.75]))
    assert added[:2].tolist() == [[0.0, 1.5, 0.0, 0.0], [0.0, 0.0, 2.25, 0.0]]
    assert added[2].sum() == 0.25, "a rejected response still counts in its group's mean, with its shaped reward"
    assert rewards[0, 1] == 1.0


def test_siblings():
    assert has_siblings(["a", "b", "a"]).tolist() == [1.0, 0.0, 1.0]
