"""Downloads a command's models before Ray starts, with the hub's progress bars: a download during the run can hit a timeout.

python recipes/prefetch.py OVERRIDE ...
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from dqo_verl.core.methods import METHODS
from dqo_verl.core.placements import Http
from dqo_verl.core.settings import parse
from dqo_verl.doctor.recipe import MODELS
from dqo_verl.errors import UserError, plainly
from dqo_verl.models.hub import locate, reach

OURS = "algorithm.diversity."
# weights in other formats: not loaded if there are safetensors
OTHER_FORMATS = [
    "*.bin",
    "*.pt",
    "*.pth",
    "*.h5",
    "*.msgpack",
    "*.onnx",
    "*.gguf",
    "original/*",
    "onnx/*",
    "openvino/*",
]


def names(overrides: Sequence[str]) -> list[str]:
    """The models that the command loads from a hub, verl's and ours; local folders and models on servers are left out."""
    values = {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(list(overrides))}
    found = [str(values[key]) for key in MODELS if values.get(key) is not None and not key.startswith(OURS)]
    return [name for name in dict.fromkeys(found + of_diversity(values)) if not Path(locate(name)).is_dir()]


def of_diversity(values: Mapping[str, Any]) -> list[str]:
    """The embedder or classifier that the command's settings name. Wrong settings name none: they are refused before Ray starts."""
    typed = {key.removeprefix(OURS): value for key, value in values.items() if key.startswith(OURS)}
    if values.get("algorithm.adv_estimator") in METHODS:
        typed["method"] = values["algorithm.adv_estimator"]
    if "reward_model.diversity" in values:
        typed["measure"] = values["reward_model.diversity"]
    if not {"method", "measure"} & set(typed):
        return []
    try:
        source = parse(typed).source
    except UserError:
        return []
    if isinstance(getattr(source, "placement", None), Http):
        return []
    model = getattr(source, "classifier", None) or getattr(source, "embedder", None)
    return [model] if model else []


def fetch(name: str) -> None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import OfflineModeIsEnabled

    reach(name, "{}".format)
    try:
        files = HfApi().list_repo_files(name)
    except OfflineModeIsEnabled:
        # offline, the run uses what the cache has
        return
    has_safetensors = any(file.endswith(".safetensors") for file in files)
    snapshot_download(name, ignore_patterns=OTHER_FORMATS if has_safetensors else None)


def main(overrides: Sequence[str]) -> None:
    for name in names(overrides):
        print(f"fetching {name}, unless it is in the cache", flush=True)
        fetch(name)


if __name__ == "__main__":
    sys.exit(plainly("prefetch", lambda: main(sys.argv[1:])))
