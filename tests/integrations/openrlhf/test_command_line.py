"""What a user types: `python -m dqo_verl.openrlhf` in the place of OpenRLHF's own command."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dqo_verl.core.settings import known_keys
from dqo_verl.errors import UserError
from dqo_verl.integrations.check_only import CHECK
from dqo_verl.integrations.openrlhf import hooks
from dqo_verl.integrations.openrlhf.cpu import platform
from dqo_verl.integrations.openrlhf.launch import checked
from dqo_verl.integrations.openrlhf.parser import bases, parser_of
from dqo_verl.integrations.openrlhf.probe import OpenRLHF
from dqo_verl.integrations.openrlhf.refusals import gpus_of_openrlhf
from dqo_verl.integrations.openrlhf.typed import OPENRLHF, read, resolve, take_apart

N4 = ("--rollout.n_samples_per_prompt", "4")
DQO = ("--algo.advantage.estimator", "dqo", *N4)


def refused(*words):
    with pytest.raises(UserError) as error:
        checked(words)
    return str(error.value)


def test_a_method_stands_on_the_group_mean_and_openrlhf_sees_that():
    command = checked([*DQO, "--algo.diversity.alpha", "0.5", "--actor.adam.lr", "1e-6"])
    assert command.words == ["--algo.advantage.estimator", "dr_grpo", *N4, "--actor.adam.lr", "1e-6"]
    assert (command.settings.base, command.settings.combine.alpha) == ("dr_grpo", 0.5)
    assert command.arguments["actor.adam.lr"] == 1e-6


@pytest.mark.parametrize("base", bases(parser_of(OpenRLHF.here())))
def test_any_of_its_estimators_takes_a_measure(base):
    command = checked(["--algo.advantage.estimator", base, "--reward.diversity=pairwise", *N4])
    assert command.settings.base == base
    assert command.settings.measure.name == "pairwise"
    assert command.words[:2] == ["--algo.advantage.estimator", base]


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        (["--algo.advantage.estimator=dqo"], ["--algo.advantage.estimator=dr_grpo"]),
        (["--algo.advantage.est", "darling"], ["--algo.advantage.est", "dr_grpo"]),
        (
            ["--algo.advantage.estimator", "dqo", "--algo.advantage.estimator", "rloo"],
            ["--algo.advantage.estimator", "rloo"] * 2,
        ),
        (
            ["--data.label_key", "dqo", "--algo.advantage.estimator", "dqo"],
            ["--data.label_key", "dqo", "--algo.advantage.estimator", "dr_grpo"],
        ),
    ],
)
def test_a_name_of_ours_is_nowhere_where_openrlhf_would_refuse_it(typed, seen):
    assert checked([*typed, *N4]).words == [*seen, *N4]
    parser_of(OpenRLHF.here()).parse_args(seen)


def test_without_a_word_of_ours_it_sees_what_was_typed():
    words = ["--algo.advantage.estimator", "group_norm", *N4, "--reward.remote_url", "f.py", "--ckpt.save_hf"]
    command = checked(words)
    assert command.words == words
    assert command.settings is None
    nested = SimpleNamespace(algo=SimpleNamespace(advantage=SimpleNamespace(estimator="group_norm")))
    command.complete(nested)
    command.before_ray(nested, {})
    assert nested.algo.__dict__.keys() == {"advantage"}
    assert nested.algo.advantage.estimator == "group_norm"


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("2", 2),
        ("true", True),
        ("False", False),
        ("null", None),
        ("-0.5", -0.5),
        ("x", "x"),
    ],
)
@pytest.mark.parametrize("joined", [True, False])
def test_values_are_read_as_they_look(typed, value, joined):
    words = [f"--algo.diversity.k={typed}"] if joined else ["--algo.diversity.k", typed]
    found = take_apart([*words, "--rest", "1"])
    assert found.settings == {"k": value}
    assert found.rest == ["--rest", "1"]


def test_several_values_make_a_list_and_the_last_of_equal_flags_counts():
    words = [
        "--algo.diversity.urls",
        "http://a:1",
        "http://b:2",
        "--algo.diversity.alpha",
        "1",
        "--x",
        "--algo.diversity.alpha",
        "2",
    ]
    found = take_apart(words)
    assert found.settings == {"urls": ["http://a:1", "http://b:2"], "alpha": 2}
    assert found.rest == ["--x"]


def test_the_measure_none_switches_a_recipe_off():
    words = [*DQO, "--algo.diversity.alpha=2", "--reward.diversity", "none"]
    assert take_apart(words).measure == "none"
    command = checked(words)
    assert command.settings.measure.name == "none"
    assert "dqo" not in command.words


def test_a_command_is_checked_and_starts_nothing(capsys, monkeypatch):
    monkeypatch.setenv(CHECK, "1")
    with pytest.raises(SystemExit) as ended:
        checked([*DQO, "--algo.diversity.alpha=2"])
    assert ended.value.code == 0
    rows = dict(line.strip().rsplit("  ", 1) for line in capsys.readouterr().out.splitlines() if line.startswith("  "))
    shown = {setting.strip(): origin for setting, origin in rows.items()}
    assert shown["--algo.diversity.alpha 2.0"] == "typed"
    assert shown["--reward.diversity dpp"] == "preset of dqo"
    assert shown["--algo.diversity.base dr_grpo"] == "default"


def test_every_setting_arrives_in_another_process():
    words = (
        "--algo.diversity.placement",
        "http",
        "--algo.diversity.urls",
        "http://127.0.0.1:9",
        "--algo.diversity.scale=decoupled",
    )
    typed = take_apart([*DQO, *words])
    settings = resolve("dqo", typed, ["dr_grpo"])
    again = read(settings.flat())
    assert again == settings
    assert again.spell("alpha", 1) == "--algo.diversity.alpha 1"


def test_the_driver_leaves_a_name_that_openrlhf_refuses():
    for words, name in (
        (DQO, "dqo"),
        (("--algo.advantage.estimator=rloo", "--reward.diversity=dpp", *N4), "rloo with dpp"),
    ):
        command = checked(words)
        nested = SimpleNamespace(algo=SimpleNamespace(advantage=SimpleNamespace(estimator=command.settings.base)))
        command.complete(nested)
        assert nested.algo.diversity.alpha == 1.0
        command.before_ray(nested, {})
        assert nested.algo.advantage.estimator == name
        assert name not in bases(parser_of(OpenRLHF.here()))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--algo.advantage.estimator", "dqoo"), "invalid choice: 'dqoo' (choose from"),
        (
            ("--algo.advantage.estimator=maxrl", "--rollout.n_samples_per_prompt=16"),
            "Write --reward.clip_range -16 16.",
        ),
        (("--algo.advantage.estimator=pkpo", *N4), "--algo.diversity.sets_of 4 needs more responses to a prompt"),
        (("--algo.diversty.alpha", "1"), "Did you mean --algo.diversity.alpha?"),
        (("--algo.alpha", "1"), "Did you mean --algo.diversity.alpha?"),
        (("--alpha", "1"), "Did you mean --algo.diversity.alpha?"),
        (("--reward.divesity", "dpp"), "Did you mean --reward.diversity?"),
        (("--rollout.n_samples", "8", "--foo"), "--foo is not known to OpenRLHF"),
        (("--rollout.batch_size", "x"), "--rollout.batch_size: invalid int value: 'x'"),
        ((*DQO, "--algo.diversity.alpa", "1"), "Did you mean --algo.diversity.alpha 1?"),
        ((*DQO, "--algo.diversity.alpha", "x"), "--algo.diversity.alpha 'x' must be float, not str."),
        ((*DQO, "--algo.diversity.alpha"), "--algo.diversity.alpha needs a value."),
        ((*DQO, "--algo.diversity.base", "grpo"), "--algo.diversity.base grpo is not one of OpenRLHF's estimators."),
        ((*DQO, "--algo.diversity.floor", "0.1"), "--algo.diversity.floor 0.1 has no effect"),
        ((*DQO, "--algo.diversity.method", "darling"), "Write --algo.advantage.estimator darling."),
        (
            ("--algo.diversity.alpha", "1"),
            "has no effect with --algo.advantage.estimator gae. Add --reward.diversity dpp",
        ),
        (
            ("--algo.advantage.estimator=rloo", "--reward.diversity=dpp", "--algo.diversity.base=gae"),
            "Two base estimators: --algo.advantage.estimator rloo and --algo.diversity.base gae.",
        ),
        (("--algo.advantage.estimator", "dqo"), "--rollout.n_samples_per_prompt 1: one response per prompt"),
        ((*DQO, "--algo.diversity.alpha", "20"), "OpenRLHF subtracts the baseline from a reward, then clips it"),
        (
            (*DQO, "--algo.diversity.embedder", "./none"),
            "--algo.diversity.embedder ./none: there is no such directory.",
        ),
        ((*DQO, "--data.prompt_dataset", "none.jsonl"), "--data.prompt_dataset none.jsonl: there is no such file."),
        ((*DQO, "--reward.remote_url", "pkg://dqo_verl.rewards.gsm9k"), "there is no such module"),
        ((*DQO, "--train.device", "tpu"), "Write --train.device cpu"),
        ((*DQO, "--train.device", "cpu", "--ds.packing_samples"), "--ds.packing_samples needs flash attention"),
        (
            ("--algo.advantage.estimator=diverse", *N4, "--algo.diversity.target=0.8", "--algo.diversity.gate=null"),
            "Add --algo.diversity.gate mean --algo.diversity.unit gap",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_type(words, said):
    assert said in refused(*words)


@pytest.mark.parametrize("key", known_keys())
def test_a_setting_of_the_core_is_spelt_as_a_flag(key):
    assert OPENRLHF(key, "v") == f"--algo.diversity.{key} v"
    assert OPENRLHF.name(key) == f"--algo.diversity.{key}"


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ((*DQO,), None),
        (
            ("--algo.advantage.estimator=group_norm", "--reward.diversity=dpp", *N4),
            "To avoid it: --algo.advantage.estimator dr_grpo or",
        ),
        (
            (*DQO, "--algo.diversity.base=group_norm"),
            "To avoid it: --algo.diversity.base dr_grpo or --algo.diversity.scale decoupled",
        ),
        ((*DQO, "--rollout.n_samples_per_prompt", "2"), "or --algo.diversity.base gae."),
        ((*DQO, "--algo.dynamic_filtering_enable"), "dynamic filtering drops groups"),
        ((*DQO, "--algo.diversity.alpha=4"), "--algo.diversity.gate 0.5"),
    ],
)
def test_the_first_lines(words, note, capsys):
    checked(words)
    first, *more = capsys.readouterr().out.splitlines()
    assert first.startswith("[dqo_verl] reward + ")
    assert "responses per prompt, on " in first
    notes = [line for line in more if " note: " in line]
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]


def test_a_reward_function_by_its_modules_name_becomes_its_file():
    for words in (
        ["--reward.remote_url", "pkg://dqo_verl.rewards.gsm8k"],
        ["--reward.remote_url=pkg://dqo_verl.rewards.math"],
    ):
        (file,) = [word.partition("=")[2] or word for word in checked(words).words if word.endswith(".py")]
        assert "dqo_verl/rewards/" in file
        assert os.path.isfile(file)


@pytest.mark.parametrize(
    ("words", "gpus"),
    [
        ("--actor.num_gpus_per_node 2 --vllm.num_engines 2 --ref.num_gpus_per_node 1 --reward.remote_url f.py", 5),
        (
            "--actor.num_gpus_per_node 2 --vllm.num_engines 1 --vllm.tensor_parallel_size 2 --algo.kl.init_coef 0 --reward.remote_url f.py",
            4,
        ),
        ("--actor.num_gpus_per_node 2 --vllm.num_engines 2 --train.colocate_all", 2),
        ("--actor.num_gpus_per_node 2 --vllm.num_engines 2 --train.colocate_all --train.async_enable", 4),
        ("--actor.num_gpus_per_node 2 --vllm.num_engines 2 --train.colocate_actor_ref --reward.num_gpus_per_node 1", 5),
        (
            "--actor.num_nodes 2 --actor.num_gpus_per_node 8 --vllm.num_engines 4 --algo.kl.init_coef 0 --train.agent_func_path a.py",
            20,
        ),
        (
            "--algo.advantage.estimator gae --actor.num_gpus_per_node 1 --critic.num_gpus_per_node 1 --reward.num_gpus_per_node 1 "
            "--ref.num_gpus_per_node 1 --vllm.num_engines 1 --train.colocate_critic_reward",
            4,
        ),
    ],
)
def test_gpus_that_openrlhf_reserves(words, gpus):
    words = [*words.split(), *(() if "gae" in words else ("--algo.advantage.estimator", "dr_grpo", *N4))]
    assert gpus_of_openrlhf(checked(words).arguments) == gpus


def test_help_shows_our_flags_beside_its_own(capsys):
    with pytest.raises(SystemExit) as ended:
        checked(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for flag in ("--reward.diversity", "--algo.diversity.KEY", "--train.device", "--rollout.n_samples_per_prompt"):
        assert flag in told


HEAVY = ("ray", "vllm", "deepspeed", "transformers", "openrlhf")


def test_a_refusal_comes_before_anything_heavy_is_imported():
    command = [sys.executable, "-X", "importtime", "-m", "dqo_verl.openrlhf", *DQO, "--algo.diversity.alpha", "x"]
    done = subprocess.run(command, capture_output=True, text=True)
    imports = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 2
    assert said == ["dqo_verl.openrlhf: --algo.diversity.alpha 'x' must be float, not str."]
    assert "dqo_verl.core.settings" in imports
    assert not [name for name in imports if name.split(".")[0] in HEAVY]


def test_the_setup_of_a_worker_imports_nothing_heavy():
    code = f"import sys; from {hooks.__name__} import set_up_worker; set_up_worker(); print([n for n in {(*HEAVY, 'torch')} if n in sys.modules])"
    for device in ({}, {platform.DEVICE: "cpu"}):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | device)
        assert done.stdout.strip() == "[]", done.stderr


def test_without_a_gpu_rays_workers_are_told(monkeypatch):
    for name in platform.WORKER_ENV:
        monkeypatch.setenv(name, "told")
    monkeypatch.setenv("DQO_VERL_PYTHON", "/a/python")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    options = {"runtime_env": {"env_vars": {"NCCL_DEBUG": "WARN"}}}
    platform.configure(options, gpus=3)
    assert options["runtime_env"]["py_executable"] == "/a/python"
    assert options["runtime_env"]["env_vars"]["NCCL_DEBUG"] == "WARN"
    assert options["runtime_env"]["env_vars"][platform.DEVICE] == "told"
    assert (options["address"], options["num_gpus"], options["num_cpus"]) == ("local", 3, platform.RAY_CPUS)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    options = {"runtime_env": {}}
    platform.configure(options, gpus=3)
    assert options.keys() == {"runtime_env"}
    assert "py_executable" not in options["runtime_env"]
