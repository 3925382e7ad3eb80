"""What .github/ names is there: files, tests, extras, and Pythons that the package supports."""

import re
from pathlib import Path

import pytest
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = ProjectMetadata(str(ROOT), PluginManager()).core
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_names_is_there(path):
    for name, job in yaml.safe_load(path.read_text())["jobs"].items():
        steps = job["steps"]
        typed = "\n".join(step.get("run", "") for step in steps)
        for file, test in re.findall(r"((?:tests|recipes|requirements)/[\w/.]+)(?:::(\w+))?", typed):
            assert (ROOT / file).exists(), (name, file)
            assert not test or f"def {test}(" in (ROOT / file).read_text(), (name, test)
        for extra in ",".join(re.findall(r"\.\[([\w,]+)\]", typed)).split(","):
            assert not extra or extra in PROJECT.optional_dependencies, (name, extra)
        pythons = [*job.get("strategy", {}).get("matrix", {}).get("python", [])]
        pythons += [step["with"]["python-version"] for step in steps if "python-version" in step.get("with", {})]
        for python in pythons:
            assert "matrix.python" in python or f"{python}.99" in SpecifierSet(PROJECT.requires_python), python
