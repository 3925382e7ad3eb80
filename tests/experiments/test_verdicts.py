"""Verdicts on records whose outcome is known."""

import json
from math import isnan

import pytest

from dqo_verl.errors import UserError
from experiments.collapse import plots, verdicts
from experiments.collapse.claims import CLAIMS, Claim, more, no_worse
from experiments.collapse.seeds import interval, read


def saved(directory, row, seed, *, pass_1, distinct, steps=(0, 60)):
    """A record whose metrics go straight from the first to the last value."""
    curves = {
        "pass@1": pass_1,
        "pass@n": (0.9, 0.95),
        "effective_classes": distinct,
        "classes": distinct,
        "cosine_distance": (0.5, 0.5),
        "entropy": (1.0, 0.5),
    }
    content = {
        "curves": {name: dict(zip(map(str, steps), values, strict=True)) for name, values in curves.items()},
        "pass@k": [0.5, 0.7, 0.9],
        "prompts": 32,
        "provenance": {"commit": "abc", "machine": "a machine", "versions": {"verl": "0.9.1"}},
    }
    (directory / "records").mkdir(exist_ok=True)
    (directory / "records" / f"{row}-s{seed}.json").write_text(json.dumps(content))


def said(letter, directory):
    claim = next(claim for claim in CLAIMS if claim.letter == letter)
    return verdicts.judged(claim, read(directory))


def test_student_interval_against_the_table():
    mean, low, high = interval([1.0, 2.0, 3.0])  # t = 4.303, sd = 1
    assert (mean, low, high) == pytest.approx((2.0, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)
    assert isnan(interval([1.0, 2.0])[1])


def test_a_collapse_and_a_rescue(tmp_path):
    for seed in range(3):
        saved(tmp_path, "grpo", seed, pass_1=(0.6, 0.8), distinct=(6, 2 + seed / 10))
        saved(tmp_path, "grpo_no_std", seed, pass_1=(0.6, 0.8), distinct=(6, 5 + seed / 10))
        saved(tmp_path, "dqo", seed, pass_1=(0.6, 0.78 + seed / 100), distinct=(6, 7 + seed / 10))
        saved(tmp_path, "darling", seed, pass_1=(0.6, 0.6 + seed / 100), distinct=(6, 7 + seed / 9))
    assert said("a", tmp_path)[0] == "supported"
    assert said("a2", tmp_path)[0] == "not supported"  # a sixth is lost, not half
    assert said("b", tmp_path)[0] == "supported"
    verdict, lines = said("c", tmp_path)
    assert verdict == "not supported"  # diverse, but it lost 0.2 of pass@1
    assert any("pass@1: darling - grpo_no_std: -0.19" in line for line in lines)
    assert said("g", tmp_path) == ("not run", [])
    text = verdicts.results(tmp_path)
    assert "| `dqo`" in text
    assert "12 runs; 32 held-out prompts" in text
    assert "Runs are missing for the claims d, e, f, g, i, j, k." in text
    assert "NaN" not in text
    assert "[nan" not in text


def test_one_seed_and_noise_are_unclear(tmp_path):
    saved(tmp_path, "grpo", 0, pass_1=(0.6, 0.8), distinct=(6, 2))
    assert said("a", tmp_path)[0] == "unclear"
    saved(tmp_path, "grpo", 1, pass_1=(0.6, 0.9), distinct=(6, 5))
    assert said("a", tmp_path)[0] == "unclear"


def test_differences_are_paired_by_seed_and_seeds_without_both_runs_are_left_out(tmp_path):
    for seed, start in enumerate((0.2, 0.5, 0.8)):  # seeds differ by far more than the two runs of one seed
        saved(tmp_path, "a", seed, pass_1=(0, start + 0.1 + seed / 1000), distinct=(1, 1))
        saved(tmp_path, "b", seed, pass_1=(0, start), distinct=(1, 1))
    saved(tmp_path, "a", 3, pass_1=(0, 0.0), distinct=(1, 1))
    verdict, (line,) = verdicts.judged(Claim("x", "", (more("a", "b", "pass@1"),)), read(tmp_path))
    assert verdict == "supported"
    assert "(3 seeds)" in line
    assert verdicts.judged(Claim("x", "", (no_worse("b", "a"),)), read(tmp_path))[0] == "not supported"


def test_the_figure_shows_every_row_that_ran(tmp_path):
    for row in ("grpo", "darling"):
        saved(tmp_path, row, 0, pass_1=(0.6, 0.8), distinct=(6, 2))
    verdicts.main(tmp_path)
    figure = (tmp_path / "curves.svg").read_text()
    assert figure.startswith("<svg xmlns=")
    assert figure.count("<g transform=") == 5
    assert not (tmp_path / "sweeps.svg").exists()
    assert ">grpo<" in figure
    assert ">darling<" in figure
    assert ">dqo<" not in figure


def test_a_sweep_is_drawn_over_the_seeds_that_all_its_runs_share(tmp_path):
    for seed, distinct in enumerate((4.0, 6.0, 100.0)):
        for row in ("grpo_no_std", "dqo_alpha0.25", "dqo") if seed < 2 else ("grpo_no_std",):
            saved(tmp_path, row, seed, pass_1=(0, 0.8), distinct=(6, distinct))
    assert plots.sweeps(read(tmp_path)) == []
    for seed in (0, 1):
        saved(tmp_path, "dqo_alpha4", seed, pass_1=(0, 0.5 + seed / 10), distinct=(6, 7 + seed))
    (chart,) = plots.sweeps(read(tmp_path))
    (line,) = chart.series
    assert line.name == "alpha (2 seeds)"
    assert [(p.label, p.y, p.x) for p in line.points] == [
        ("0", 5.0, 0.8),
        ("0.25", 5.0, 0.8),
        ("1", 5.0, 0.8),
        ("4", 7.5, 0.55),
    ]
    verdicts.main(tmp_path)
    assert ">alpha (2 seeds)<" in (tmp_path / "sweeps.svg").read_text()


def test_no_records(tmp_path):
    with pytest.raises(UserError, match="no records"):
        verdicts.main(tmp_path)
