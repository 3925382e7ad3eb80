import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("dqo_verl-*.whl")
    return built


def test_the_wheel_holds_the_package_alone(wheel):
    """Neither experiments nor recipes, benchmarks or tests; and all of the package, its page of the report too."""
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert {name.parts[0] for name in names} == {
        "dqo_verl",
        wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info",
    }
    ours = {file.relative_to(ROOT) for file in (ROOT / "dqo_verl").rglob("*") if file.is_file()}
    assert {file for file in ours if "__pycache__" not in file.parts} <= set(names)


@pytest.mark.e2e
def test_the_wheel_installs_and_registers_in_an_empty_environment(wheel, tmp_path):
    """The environment sees verl's packages of this one, but our code only through the wheel."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    site_packages = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    installed = Path(numpy.__file__).parents[1]
    others = tmp_path / "others"
    others.mkdir()
    for path in installed.iterdir():
        if "dqo_verl" not in path.name and not path.name.endswith(".pth"):
            (others / path.name).symlink_to(path)
    (site_packages / "others.pth").write_text(str(others))
    code = (
        "import dqo_verl, verl; from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f;"
        "print(dqo_verl.__file__, f('dqo').__module__, f('darling').__module__)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout.split() == [
        str(site_packages / "dqo_verl/__init__.py"),
        "dqo_verl.integrations.verl.plugin",
        "dqo_verl.integrations.verl.plugin",
    ], done.stderr[-2000:]
