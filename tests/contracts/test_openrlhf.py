"""What dqo_verl assumes of names in OpenRLHF. A failure says what moved."""

import os
import re
import subprocess
import sys
import zipfile

import pytest

from dqo_verl.errors import UserError
from dqo_verl.integrations.openrlhf.cpu.patches import FLASH_ATTENTION, IN_CUDA
from dqo_verl.integrations.openrlhf.cpu.platform import NEEDS, REQUIRED
from dqo_verl.integrations.openrlhf.parser import COMMAND, bases, parser_of
from dqo_verl.integrations.openrlhf.probe import FUNCTIONS, MAKER, TESTED, TEXTS, OpenRLHF, refuse_moved

HERE = OpenRLHF.here()


def files():
    return [path.relative_to(HERE.folder).as_posix() for path in sorted(HERE.folder.rglob("*.py"))]


def test_what_the_probe_looks_for_is_where_it_was():
    assert [*HERE.moved(FUNCTIONS), *HERE.lost(TEXTS)] == []
    assert HERE.version == str(TESTED)


def test_its_command_asks_checks_and_only_then_runs():
    source = HERE.source(COMMAND)
    order = [
        source.find(text)
        for text in ("args = parser.parse_args()", "args = hierarchize(args)", "# Validate", "\n    train(args)")
    ]
    assert -1 not in order
    assert order == sorted(order)


def test_its_estimators_are_those_that_were_tested():
    assert bases(parser_of(HERE)) == [
        "gae",
        "reinforce",
        "rloo",
        "reinforce_baseline",
        "group_norm",
        "dr_grpo",
        "flash_reinforce",
    ]


def test_the_name_of_the_estimator_is_read_where_the_base_is_put_in_its_place():
    readers = [file for file in files() if "advantage.estimator" in HERE.source(file) and not file.startswith("cli/")]
    assert readers == [MAKER], (
        "a process that does not make experience reads the name that only the maker's process mends"
    )


def test_penalties_come_right_before_rewards_are_compared():
    source = HERE.source(MAKER)
    penalties, compared = (
        source.index("apply_length_penalties(experiences, args)"),
        source.index("raw_rewards = torch.cat("),
    )
    assert "rewards" not in source[penalties:compared].replace("apply_length_penalties(experiences, args)", "").replace(
        "Reward shaping (baseline subtraction)", ""
    ).replace("experience.index for experience in experiences", "")


def test_the_asynchronous_trainer_makes_experience_in_the_same_class():
    source = HERE.source("trainer/ppo_trainer_async.py")
    assert "class TrainingActor(BasePPOTrainer)" in source
    assert "self.samples_generator = SamplesGenerator(" in source


def test_what_it_calls_of_cuda_is_what_the_cpu_port_gives():
    called = {name for file in files() for name in re.findall(r"torch\.cuda\.(\w+)", HERE.source(file))}
    # the last two: the identity of a GPU for weights through CUDA's own memory, and a question
    assert called == {"current_device", *IN_CUDA, "get_device_properties", "is_available"}


def test_what_it_imports_of_flash_attention_is_what_the_cpu_port_pretends():
    at_the_head = {
        module: tuple(sorted(name.strip() for name in names.split(",")))
        for file in files()
        for module, names in re.findall(r"^from (flash_attn[\w.]*) import (.*)$", HERE.source(file), re.MULTILINE)
    }
    assert at_the_head == {module: names for module, names in FLASH_ATTENTION.items() if names}


def test_places_that_the_cpu_port_patches():
    assert 'device="cuda")' in HERE.source("trainer/ray/vllm_worker_wrap.py"), "cpu/vllm_worker.py can go"
    assert '"cuda", (dp_size' in HERE.source("utils/deepspeed/deepspeed.py"), "patches._make_meshes_of_cpus can go"
    assert "def get_train_ds_config(" in HERE.source("utils/deepspeed/deepspeed_utils.py")
    assert "def stateless_init_process_group(master_address, master_port, rank, world_size, device):" in HERE.source(
        "utils/distributed_util.py"
    )
    assert '"worker_extension_cls": "openrlhf.trainer.ray.vllm_worker_wrap.WorkerWrap"' in HERE.source(
        "trainer/ray/vllm_engine.py"
    )


def test_flags_that_the_cpu_port_sets_and_refuses_exist():
    known = {name for action in parser_of(HERE)._actions for name in action.option_strings}
    assert {word for word in REQUIRED if word.startswith("--")} | {f"--{name}" for name in NEEDS} <= known


@pytest.mark.openrlhf
@pytest.mark.parametrize("release", ["0.11.0", "0.11.1"])
def test_releases_before_it_have_everything_too(release, tmp_path):
    """Their sources; only the newest one is run."""
    wheel = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--platform=manylinux1_x86_64"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        *wheel,
        "-d",
        tmp_path,
        f"openrlhf=={release}",
    ]
    subprocess.run(command, check=True)
    (file,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(file).extractall(tmp_path)
    older = OpenRLHF(release, tmp_path / f"openrlhf-{release}.data/purelib/openrlhf")
    refuse_moved(older)
    # which 0.11.2 added
    assert [*bases(parser_of(older)), "flash_reinforce"] == bases(parser_of(HERE))


# they look at the generator, the trainer, penalties, experience and agents
OWN_TESTS = ("test_samples_generator", "test_ppo_trainer", "test_reward_shaping", "test_experience", "test_agent")


@pytest.mark.openrlhf
@pytest.mark.timeout(300)
def test_openrlhfs_own_tests_pass_with_our_hooks(tmp_path):
    (tmp_path / "hooked.py").write_text(
        "from dqo_verl.integrations.openrlhf.cpu import platform\nplatform.use()\n"
        "from dqo_verl.integrations.openrlhf.hooks import hook_trainer\nhook_trainer()\n"
    )
    tests = [HERE.folder.parent / "tests" / f"{name}.py" for name in OWN_TESTS]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "hooked",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tests[0].parent}",
    ]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([*command, *tests], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= 100


def test_what_has_moved_is_named(tmp_path):
    for file in (*FUNCTIONS, *TEXTS):
        copy = tmp_path / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(HERE.source(file))
    later = OpenRLHF("0.12.0", tmp_path)
    refuse_moved(later)
    assert later.is_untested
    maker = tmp_path / MAKER
    text = maker.read_text()
    maker.write_text(
        text.replace(
            "def compute_advantages_and_returns(self, experiences", "def compute_advantages_and_returns(self, batch"
        )
    )
    with pytest.raises(UserError, match=r"compute_advantages_and_returns takes \(self, batch\), but dqo_verl expects"):
        refuse_moved(later)
    maker.write_text(text.replace("apply_length_penalties(experiences, args)", "penalties(experiences)"))
    with pytest.raises(UserError, match="the last change of quality before rewards are compared"):
        refuse_moved(later)
