"""What stands in front of a recipe and behind it: what is refused, and what a dry run prints."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
TRAIN = [
    path for path in sorted(RECIPES.glob("d*_*.sh")) + sorted(RECIPES.glob("[ab]*_*.sh")) if "demo" not in path.name
]


def refused(done):
    """One message alone."""
    assert done.returncode == 2
    assert done.stdout == ""
    (message,) = done.stderr.splitlines()
    return message


@pytest.mark.parametrize(
    ("script", "misspelt", "meant"),
    [
        ("dqo_gsm8k_qwen.sh", "MDOEL", "MODEL"),
        ("dqo_gsm8k_qwen.sh", "MODL", "MODEL"),
        ("dqo_gsm8k_qwen.sh", "MODELL", "MODEL"),
        ("dqo_gsm8k_qwen.sh", "ALHPA", "ALPHA"),
        ("baseline_gsm8k_grpo.sh", "BATHC", "BATCH"),
        ("darling_math_qwen3_14b.sh", "CLASSIFER", "CLASSIFIER"),
        ("ablation_measure.sh", "TOKEMS", "TOKENS"),
        ("demo_collapse.sh", "SEDES", "SEEDS"),
        ("toy_city.sh", "DRYRUN", "DRY_RUN"),
        ("classifier_chat_modernbert.sh", "HELDOUT", "HELD_OUT"),
        ("dqo_gsm8k_qwen.sh", "NGPU", "NGPUS"),
    ],
)
def test_a_misspelt_knob(script, misspelt, meant, recipe):
    message = refused(recipe(script, **{misspelt: "1"}))
    assert message == f"{misspelt} is not a knob of {script}. Did you mean {meant}?"


@pytest.mark.parametrize("name", ["TOKEN", "DATE", "MODE", "LP", "TPX", "SHELL", "model"])
def test_what_is_often_in_an_environment_is_no_misspelt_knob(name, recipe):
    assert recipe("dqo_gsm8k_qwen.sh", **{name: "1"}).returncode == 0


@pytest.mark.parametrize(
    ("script", "knob", "has_it"),
    [
        ("baseline_gsm8k_grpo.sh", "ALPHA", "dqo_gsm8k_qwen.sh"),
        ("darling_math_qwen3_4b.sh", "ALPHA", "dqo_dolly_llama.sh"),
        ("dqo_gsm8k_qwen.sh", "CLASSIFIER", "darling_wildchat_llama8b.sh"),
        ("baseline_wildchat_grpo_llama70b.sh", "CLASSIFIER", "darling_math_qwen3_4b.sh"),
        ("ablation_alpha_k.sh", "K", "dqo_gsm8k_qwen.sh"),
        ("ablation_alpha_k.sh", "DATASET", "dqo_dolly_llama.sh"),
        ("dqo_reward_hacking.sh", "REWARD", "dqo_gsm8k_qwen.sh"),
        ("demo_collapse.sh", "LR", "dqo_gsm8k_qwen.sh"),
        ("dqo_gsm8k_qwen.sh", "ROWS", "demo_collapse.sh"),
    ],
)
def test_a_knob_of_other_recipes(script, knob, has_it, recipe):
    message = refused(recipe(script, **{knob: "2"}))
    assert message.startswith(
        f"{knob} has no effect in {script}; leave it out (unset {knob}), or run a recipe that has it: "
    )
    others = message.rsplit(": ", 1)[1].split(", ")
    assert has_it in others
    assert script not in others


@pytest.mark.parametrize("script", ["toy_city.sh", "pareto_temperature.sh"])
def test_a_knob_of_all_but_a_few(script, recipe):
    assert refused(recipe(script, STEPS="5")) == f"STEPS has no effect in {script}; leave it out (unset STEPS)"


@pytest.mark.parametrize(
    ("script", "typed", "message"),
    [
        ("classifier_chat_modernbert.sh", {"HELD_OUT": "x"}, "HELD_OUT has no effect without PAIRS"),
        ("classifier_math_qwen3.sh", {"HELD_OUT": "x"}, "HELD_OUT has no effect without PAIRS"),
        (
            "pareto_temperature.sh",
            {"CLASSIFIER": "exact", "THRESHOLD": "0.5"},
            "THRESHOLD has no effect with CLASSIFIER=exact",
        ),
        (
            "pareto_temperature.sh",
            {"CLASSIFIER": "cosine", "CLASSIFIER_TOKENS": "5"},
            "CLASSIFIER_TOKENS has no effect with CLASSIFIER=cosine",
        ),
    ],
)
@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_knob_that_another_one_makes_useless(script, typed, message, profile, recipe):
    arguments = ["m=x"] if "pareto" in script else []
    done = recipe(script, *arguments, PROFILE=profile, **typed)
    assert done.returncode == 2
    assert message in done.stderr


def test_what_is_typed_for_pareto_counts_without_a_gpu_too(recipe):
    done = recipe("pareto_temperature.sh", PROFILE="cpu", CLASSIFIER="cosine", THRESHOLD="0.7", TEMPERATURES="1")
    assert "--classifier cosine --classifier-threshold 0.7" in done.stdout


def test_a_folder_of_data_is_the_one_where_the_user_stands(recipe, commands, tmp_path):
    (words,) = commands("dqo_gsm8k_qwen.sh", "gpu", DATA="mine")
    (place,) = [word for word in words if word.startswith("data.train_files=")]
    assert place.removeprefix("data.train_files=").startswith("/")


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_steps_may_be_more_than_the_epochs_have(profile, commands):
    (words,) = commands("dqo_cnn_dailymail_llama.sh", profile, STEPS="9000")
    assert [word for word in words if word.startswith("trainer.total_epochs=")][-1] == "trainer.total_epochs=1000"


def test_one_folder_holds_runs_of_one_setting(recipe, tmp_path):
    (tmp_path / "settings").write_text("other ones\n")
    script = f"source {RECIPES}/_common.sh; OUT={tmp_path}; one_setting mine"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "holds runs with other ones, not with mine. Type OUT=DIR" in done.stderr


@pytest.mark.parametrize("path", TRAIN, ids=lambda path: path.name)
def test_a_knob_that_is_not_refused_has_an_effect(path, recipe, commands, checked, pair_classifier):
    for knob, value in {"ALPHA": "2", "CLASSIFIER": str(pair_classifier)}.items():
        done = recipe(path.name, PROFILE="gpu", **{knob: value})
        if done.returncode:
            assert refused(done).startswith(f"{knob} has no effect in {path.name}")
        else:
            commanded = commands(path.name, "gpu", **{knob: value})
            assert any(f"++algorithm.diversity.{knob.lower()}={value}" in overrides for overrides in commanded)
            for overrides in commanded:
                checked(overrides)


@pytest.mark.parametrize(
    ("knob", "value", "instead"),
    [
        ("METHOD", "dqo", "algorithm.adv_estimator=dqo (or darling"),
        ("BASE", "gae", "algorithm.adv_estimator=gae"),
        ("STD", "True", "algorithm.norm_adv_by_std_in_grpo=True"),
        ("SHIFT", "group_min", "+algorithm.diversity.quality_shift=group_min"),
        ("GATE", "0.5", "+algorithm.diversity.gate=0.5"),
        ("FLOOR", "0.1", "+algorithm.diversity.floor=0.1"),
        ("PLACEMENT", "gpu", "+algorithm.diversity.placement=gpu"),
    ],
)
def test_a_retired_knob(knob, value, instead, recipe):
    message = refused(recipe("darling_math_qwen3_4b.sh", **{knob: value}))
    assert message.startswith(f"{knob} is no longer a knob. Write {instead}")
    assert message == refused(recipe("darling_math_qwen3_4b.sh", f"{knob}={value}"))


@pytest.mark.parametrize(
    "script", ["dqo_gsm8k_qwen.sh", "baseline_gsm8k_ppo.sh", "ablation_measure.sh", "demo_collapse.sh"]
)
def test_a_knob_behind_the_script(script, recipe):
    message = refused(recipe(script, "trainer.save_freq=5", "K=8"))
    assert message == f"K belongs in front of the script: K=8 bash recipes/{script}"


@pytest.mark.parametrize(("knob", "said"), [("PROFILE", "neither gpu nor cpu"), ("REWARD", "neither rule nor model")])
def test_a_value_that_a_knob_has_not(knob, said, recipe):
    assert said in refused(recipe("dqo_gsm8k_qwen.sh", **{knob: "GPU"}))


def test_a_refusal_comes_before_any_environment_is_made(recipe, tmp_path):
    done = recipe("dqo_gsm8k_qwen.sh", MDOEL="1", PATH="/usr/bin:/bin", VENV=str(tmp_path / "venv"))
    assert "MODEL?" in refused(done)
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
@pytest.mark.parametrize("script", ["darling_wildchat_llama8b.sh", "baseline_dolly_ppo.sh", "ablation_measure.sh"])
def test_a_dry_run_prints_commands_to_paste(script, profile, recipe, tmp_path):
    """One override a line, nothing else, quoted where a shell needs it: bash gives the program what shlex reads."""
    knobs = {"OUT": str(tmp_path / "my $runs"), "PROFILE": profile}
    printed = recipe(script, "trainer.project_name=it is", **knobs).stdout
    assert subprocess.run(["bash", "-n"], input=printed, text=True, check=True, capture_output=True).stderr == ""
    program = "python() { printf '%s\\0' \"$@\"; printf '\\n'; }\n"
    ran = subprocess.run(["bash"], input=program + printed, text=True, check=True, capture_output=True).stdout
    argv = [line.split("\0")[:-1] for line in ran.splitlines()]
    for line in printed.splitlines():
        assert line == "python -m verl.trainer.main_ppo \\" or len(shlex.split(line.removesuffix(" \\"))) == 1
    assert [words[:2] for words in argv] == [["-m", "verl.trainer.main_ppo"]] * len(argv)
    assert all("trainer.project_name=it is" in words for words in argv)
    assert argv == [shlex.split(line)[1:] for line in printed.replace("\\\n", "").splitlines()]


def test_a_run_is_what_the_dry_run_printed(recipe, checked, tmp_path):
    """verl's place is taken by a program that notes its arguments; there is no hub to fetch from."""
    for split in ("train", "test"):
        (tmp_path / "data/gsm8k").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"data/gsm8k/{split}.parquet").touch()
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text(
        f'#!/bin/sh\ncase "$1" in */prefetch.py) exit ;; esac\n[ "$2" != verl.trainer.main_ppo ] || {{ printf "%s\\n" "$@" >{tmp_path}/argv; exit; }}\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    (tmp_path / "complete").touch()  # an environment that is there already
    knobs = {"PROFILE": "gpu", "DATA": str(tmp_path / "data"), "ALPHA": "2", "VENV": str(tmp_path)}
    printed = recipe("dqo_gsm8k_qwen.sh", "+algorithm.diversity.alpha=3", **knobs).stdout
    done = recipe("dqo_gsm8k_qwen.sh", "+algorithm.diversity.alpha=3", **knobs, DRY_RUN="")
    assert done.returncode == 0, done.stderr

    def without_time(text):
        return re.sub(r"metrics-\d+", "metrics", text)

    assert without_time((tmp_path / "out/command.sh").read_text()) == without_time(printed)
    ran = (tmp_path / "argv").read_text().splitlines()
    assert without_time(shlex.join(ran)) == without_time(shlex.join(shlex.split(printed.replace("\\\n", ""))[1:]))
    assert checked(ran[2:]).algorithm.diversity.alpha == 3
