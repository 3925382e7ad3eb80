"""Fetches the models of a command before Ray starts, with the hub's own progress bars: later they would be fetched against a deadline.

python recipes/prefetch.py OVERRIDE ...
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from dqo_verl.core.defaults import MINILM
from dqo_verl.core.methods import METHODS
from dqo_verl.doctor.recipe import MODELS
from dqo_verl.errors import plainly
from dqo_verl.models.hub import locate, reach

# weights in other formats, which nobody here loads where there are safetensors
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
    """What the command loads from a hub: verl's models and ours, without those that are folders or are served."""
    values = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    served = values.get("algorithm.diversity.urls", "[]") != "[]"
    found = [values[key] for key in MODELS if key in values and not (served and key.startswith("algorithm.diversity."))]
    own = values.get("algorithm.adv_estimator") in METHODS or "reward_model.diversity" in values
    if own and not served and not {"algorithm.diversity.classifier", "algorithm.diversity.embedder"} & set(values):
        found.append(MINILM)
    return [name for name in dict.fromkeys(found) if not Path(locate(name)).is_dir()]


def fetch(name: str) -> None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import OfflineModeIsEnabled

    reach(name, "{}".format)
    try:
        files = HfApi().list_repo_files(name)
    except OfflineModeIsEnabled:
        # what is in the cache must do
        return
    has_safetensors = any(file.endswith(".safetensors") for file in files)
    snapshot_download(name, ignore_patterns=OTHER_FORMATS if has_safetensors else None)


def main(overrides: Sequence[str]) -> None:
    for name in names(overrides):
        print(f"fetching {name}, unless it is in the cache", flush=True)
        fetch(name)


if __name__ == "__main__":
    sys.exit(plainly("prefetch", lambda: main(sys.argv[1:])))
