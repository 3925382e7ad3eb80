import pytest
import torch
from safetensors.torch import load_file

from dqo_verl.classifier.overlap import NEITHER, loss_sum, shared_tokens
from dqo_verl.classifier.train import Trainer, train


def test_shared_tokens_by_hand():
    """[CLS] 7 8 [SEP] 8 9 9 [SEP], then the same behind a prompt of one token."""
    row = [101, 7, 8, 102, 8, 9, 9, 102]
    assert shared_tokens(row, 4, 1) == [NEITHER, 0, 1, NEITHER, 1, 0, 0, NEITHER]
    assert shared_tokens([101, 8, 102, *row[1:]], 6, 3) == [*[NEITHER] * 3, 0, 1, NEITHER, 1, 0, 0, NEITHER]


def test_each_pair_counts_the_same_whatever_its_length_and_padding():
    logits = torch.tensor([[9.0, 2.0, -1.0, 5.0], [9.0, 0.0, 7.0, 7.0]])
    found = loss_sum(logits, [[NEITHER, 1.0, 0.0], [NEITHER, 1.0]])
    softplus = torch.nn.functional.softplus
    expected = (softplus(torch.tensor(-2.0)) + softplus(torch.tensor(-1.0))) / 2 + softplus(torch.tensor(0.0))
    assert found.item() == pytest.approx(expected.item())


def test_with_a_prompt_the_side_task_is_about_the_responses(settings, labelled):
    from dqo_verl.classifier.schedule import Ordered

    trainer = Trainer(labelled, settings(overlap=1.0, prompt_tokens=4))
    (row,), (shared,) = trainer.rows([Ordered(0, False)])
    responses = [token for token, its in zip(row, shared, strict=True) if its != NEITHER]
    assert trainer.input.tokenizer.decode(responses) == f"{labelled[0].a} {labelled[0].b}"


def test_the_side_task_leaves_an_ordinary_checkpoint(settings, labelled, tmp_path):
    chosen = settings(overlap=1.0, layers=1, head_lr=1e-2, steps=2)
    with_it = train(labelled, chosen, tmp_path / "with", 100, "test")
    without = train(labelled, settings(layers=1, head_lr=1e-2, steps=2), tmp_path / "without", 100, "test")
    found, plain = (load_file(path / "model.safetensors") for path in (with_it, without))
    assert found.keys() == plain.keys()
    assert not any("layer.1." in name for name in found), "one layer of two"
    assert any(not torch.equal(found[name], plain[name]) for name in found), "it did something"
