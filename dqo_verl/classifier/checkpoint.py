"""Stores the threshold in the checkpoint's config.json, as `similarity_threshold`."""

import json
from pathlib import Path

from dqo_verl.results import written


def set_threshold(checkpoint: Path, threshold: float) -> None:
    file = checkpoint / "config.json"
    text = json.dumps(json.loads(file.read_text()) | {"similarity_threshold": threshold}, indent=2) + "\n"
    with written(file) as place:
        place.write(text)
