"""The threshold travels in the checkpoint's config.json, as `similarity_threshold`."""

import json
from pathlib import Path


def set_threshold(checkpoint: Path, threshold: float) -> None:
    file = checkpoint / "config.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(json.loads(file.read_text()) | {"similarity_threshold": threshold}, indent=2) + "\n")
    partial.replace(file)
