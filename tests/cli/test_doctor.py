import subprocess
import sys
from pathlib import Path

import pytest


def doctor(**options):
    command = [sys.executable, "-m", "dqo_verl.cli", "doctor"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.e2e
def test_a_healthy_environment():
    done = doctor()
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("  ok  ") == 7
    for trainer in ("verl 0.9", "trl 1.", "openrlhf 0.11"):
        assert trainer in done.stdout
    assert done.stdout.strip().endswith("all well")


def test_a_verl_that_never_looks_for_plugins_is_named(monkeypatch):
    from dqo_verl.doctor import installation
    from dqo_verl.errors import UserError

    monkeypatch.setattr(installation, "version_of", {"verl": "0.8.0"}.get)
    with pytest.raises(UserError, match=r"verl 0.8.0 does not load plugins. Type: pip install 'verl>=0.9.0'"):
        installation.registered_in_a_fresh_process()


def test_an_environment_without_verl_says_what_to_type(tmp_path):
    """A fresh venv that sees torch and this package, and nothing else."""
    import docstring_parser
    import torch
    import typeguard
    import tyro
    import wrapt

    import dqo_verl

    for package in (docstring_parser, torch, typeguard, tyro, wrapt, dqo_verl):
        source = Path(package.__file__).parent
        (tmp_path / source.name).symlink_to(source)
    for source in Path(torch.__file__).parent.parent.iterdir():
        if source.name.split("-")[0] in (
            "typing_extensions.py",
            "numpy",
            "numpy.libs",
            "sympy",
            "mpmath",
            "torchgen",
            "torch",
        ):
            (tmp_path / source.name).exists() or (tmp_path / source.name).symlink_to(source)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['dqo-verl', 'doctor']; from dqo_verl.cli import main; sys.exit(main())"
    python = Path(sys.executable).resolve()
    done = subprocess.run([python, "-S", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "missing: verl, ray" in done.stdout
    assert "pip install" in done.stdout
