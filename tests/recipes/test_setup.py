"""Which environment the recipes take, on a machine that pretends to have GPUs. What pip would do is written down instead."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = """
import sys
from pathlib import Path
with open(Path(sys.prefix) / "asked", "a") as file:
    print(*sys.argv[1:], file=file)
if sys.argv[1] == "list":
    print("torch==2.11.0\\nverl==0.9.1\\nleft-pad==1.0")
for i, word in enumerate(sys.argv):
    if word == "-c":
        print(Path(sys.argv[i + 1]).read_text(), file=open(Path(sys.prefix) / "constraints", "w"))
"""


@pytest.fixture
def active(tmp_path):
    """An environment without anything but a pip that writes down what it is asked; and a driver of GPUs beside it."""
    venv.create(tmp_path / "active", with_pip=False)
    (packages,) = (tmp_path / "active/lib").glob("python*/site-packages")
    (packages / "pip").mkdir()
    (packages / "pip/__main__.py").write_text(PIP)
    driver = tmp_path / "active/bin/nvidia-smi"
    driver.write_text("#!/bin/sh\necho GPU 0\n")
    driver.chmod(0o755)
    return tmp_path / "active", packages


def set_up(environment, **more):
    """What `source recipes/_setup.sh` says, and the python that it leaves on the PATH."""
    clean = {
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "HOME": os.environ["HOME"],
        "VENV": str(environment.parent / "made"),
    }
    code = f"cd /; source {ROOT}/recipes/_setup.sh; command -v python"
    done = subprocess.run(["bash", "-ec", code], env=clean | more, capture_output=True, text=True)
    return done.stdout.splitlines(), done


def test_one_with_verl_alone_gets_dqo_verl_and_keeps_the_rest(active):
    environment, packages = active
    (packages / "verl").mkdir()
    said, done = set_up(environment)
    assert done.returncode == 0, done.stderr
    assert said[0].endswith("adding dqo_verl; its torch, vLLM and transformers keep their versions")
    assert said[-1] == str(environment / "bin/python")
    *_, install = (environment / "asked").read_text().splitlines()
    assert install.endswith(f"--editable {ROOT}[training,math,evaluation,data,classifier]")
    assert (environment / "constraints").read_text().split() == ["torch==2.11.0", "verl==0.9.1"]
    assert not (environment.parent / "made").exists()


def test_one_with_both_is_taken_as_it_is(active):
    environment, packages = active
    for name in ("verl", "dqo_verl-0.1.0.dist-info"):
        (packages / name).mkdir()
    (packages / "dqo_verl-0.1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: dqo_verl\nVersion: 0.1.0\n"
    )
    said, done = set_up(environment)
    assert done.returncode == 0, done.stderr
    assert said == [str(environment / "bin/python")]
    assert not (environment / "asked").exists()


def test_without_verl_an_environment_is_made(active):
    environment, _ = active
    made = environment.parent / "made"
    # which cannot be filled without an index
    said, done = set_up(environment, PYTHON=sys.executable, PIP_NO_INDEX="1")
    assert done.returncode
    assert said[0].startswith(f"setting up {made} (once, a few minutes")
    assert not (environment / "asked").exists()


DRIVER = """#!/bin/sh
case $1 in
  -L) printf 'GPU 0: A100\\n  MIG 3g.20gb Device 0\\n  MIG 3g.20gb Device 1\\nGPU 1: A100\\n' ;;
  *) echo "570.86.15" ;;
esac
"""


@pytest.mark.parametrize(("visible", "gpus"), [(None, 2), ("1", 1), ("0,1,4", 3), ("", None)])
def test_the_gpus_that_count_are_those_that_the_shell_may_use(visible, gpus, active):
    environment, _ = active
    (environment / "bin/nvidia-smi").write_text(DRIVER)
    for made in ("made", "made-cpu"):
        (environment.parent / made / "bin").mkdir(parents=True)
        (environment.parent / made / "complete").touch()
    more = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    done = subprocess.run(
        ["bash", ROOT / "recipes/dqo_gsm8k_qwen.sh"],
        env={
            "PATH": f"{environment / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "VENV": str(environment.parent / "made"),
            "DRY_RUN": "1",
        }
        | more,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert ("trainer.device=cpu" in done.stdout) == (gpus is None)
    if gpus:
        assert f"trainer.n_gpus_per_node={gpus} " in done.stdout


def test_a_driver_that_is_too_old_is_told_before_anything_is_installed(active):
    environment, _ = active
    (environment / "bin/nvidia-smi").write_text(DRIVER)
    _, done = set_up(environment, PYTHON=sys.executable)
    assert done.returncode
    assert "version 570.86.15, but torch for CUDA 13 needs 580 or newer" in done.stderr
    assert not (environment.parent / "made").exists()


@pytest.mark.slow
def test_uv_installs_unless_pip_has_an_index_of_its_own(active):
    environment, _ = active
    uv, made = environment / "bin/uv", environment.parent / "made"
    uv.write_text(f'#!/bin/sh\necho "$@" >>{environment}/uv\n')
    uv.chmod(0o755)
    settings = {"PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull}
    _, done = set_up(environment, **settings, PIP_NO_INDEX="1")
    assert (done.returncode, (environment / "uv").exists()) == (1, False)
    assert "the setup failed" in done.stderr
    said, done = set_up(environment, **settings)
    assert done.returncode == 0, done.stderr
    first, second = (environment / "uv").read_text().splitlines()
    python = f"pip install --python {made}/bin/python"
    assert first == (f"{python} {ROOT}[gpu,math,evaluation,classifier] -c {ROOT}/requirements/gpu-constraints.txt")
    assert second == f"{python} --no-deps --editable {ROOT}"
    assert said[-1] == f"{made}/bin/python"
