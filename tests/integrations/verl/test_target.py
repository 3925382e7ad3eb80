"""The weight of a run with a target survives verl's end and beginning."""

import json
from types import SimpleNamespace

from omegaconf import OmegaConf

from dqo_verl.core.settings import parse
from dqo_verl.integrations.target_file import NAME
from dqo_verl.integrations.verl.target import keep, target_in
from tests.integrations.verl.conftest import Row

SETTINGS = parse({"method": "diverse", "target": 0.8})


def trainer(directory, step, **typed):
    values = {"default_local_dir": str(directory), "save_freq": 2, "resume_mode": "auto", "resume_from_path": None}
    return SimpleNamespace(config=OmegaConf.create({"trainer": values | typed}), global_steps=step)


def ran(run, last, weight):
    """The run with updates up to `last`, each with a weight of its own."""
    while run.global_steps <= last:
        target = target_in(run, SETTINGS)
        target.alpha = weight + run.global_steps
        keep(target, run)
        run.global_steps += 1


def test_without_a_target_there_is_nothing(tmp_path):
    run = trainer(tmp_path, step=7)
    assert target_in(run, parse({"method": "diverse"})) is None
    assert list(tmp_path.iterdir()) == []


def test_it_goes_on_from_the_step_before_its_first_as_that_was_run_last(tmp_path):
    ran(trainer(tmp_path, step=1), last=6, weight=100)
    assert target_in(trainer(tmp_path, step=5), SETTINGS).alpha == 104
    ran(trainer(tmp_path, step=5), last=5, weight=200)
    assert target_in(trainer(tmp_path, step=6), SETTINGS).alpha == 205
    assert target_in(trainer(tmp_path, step=7), SETTINGS).alpha == 106, "a checkpoint of the first run"


def test_a_line_that_a_full_disk_cut_off_is_forgotten(tmp_path):
    ran(trainer(tmp_path, step=1), last=3, weight=100)
    file = tmp_path / NAME
    file.write_text(file.read_text()[:-5])
    assert target_in(trainer(tmp_path, step=4), SETTINGS).alpha == 102
    ran(trainer(tmp_path, step=4), last=4, weight=200)
    assert target_in(trainer(tmp_path, step=5), SETTINGS).alpha == 204


def test_a_run_that_starts_anew_does_so(tmp_path):
    ran(trainer(tmp_path, step=1), last=6, weight=100)
    assert target_in(trainer(tmp_path, step=1), SETTINGS).alpha == 2.0


def test_a_named_checkpoint_has_its_weights_beside_it(tmp_path):
    ran(trainer(tmp_path / "old", step=1), last=6, weight=100)
    named = {"resume_mode": "resume_path", "resume_from_path": str(tmp_path / "old/global_step_4")}
    run = trainer(tmp_path / "new", step=5, **named)
    assert target_in(run, SETTINGS).alpha == 104
    ran(run, last=5, weight=300)
    assert json.loads((tmp_path / "new" / NAME).read_text())["alpha"] == 305


def test_a_checkpoint_without_them_is_said(tmp_path, capsys):
    assert target_in(trainer(tmp_path, step=5), SETTINGS).alpha == 2.0
    assert "has no step before 5, so alpha starts at 2" in capsys.readouterr().out


def test_what_saves_nothing_writes_nothing(tmp_path):
    ran(trainer(tmp_path, step=1, save_freq=-1), last=3, weight=100)
    assert list(tmp_path.iterdir()) == []


def test_verls_trainer_logs_alpha_and_shapes_with_it(advantages, tmp_path):
    rows = [
        Row(f"p_{i}_0", text, reward)
        for i, (text, reward) in enumerate([("a cat", 1), ("a dog", 1), ("no", 0), ("so", 0)])
    ]
    _, metrics = advantages(
        rows,
        "algorithm.adv_estimator=diverse",
        "+algorithm.diversity.target=0.8",
        f"trainer.default_local_dir={tmp_path}",
        "trainer.save_freq=1",
    )
    assert metrics["diversity/alpha"] == 2.0
    assert metrics["diversity/share_of_start"] == 1.0
    assert json.loads((tmp_path / NAME).read_text())["step"] == 1
