"""Where the embedder, the pair classifier or the judge runs."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from dqo_verl.core.parts import Choice


def _texts(value: Any) -> Any:
    """A tuple of a single text or of a list, as configs have them."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class Placement(Choice):
    """Where the model runs."""


class Cpu(Placement):
    """On CPU cores: good for MiniLM-sized models."""

    name = "cpu"


class Gpu(Placement):
    """On its own GPU, which the trainer leaves free."""

    name = "gpu"


class Shared(Placement):
    """Beside the trainer on one of its GPUs."""

    name = "shared"


class Http(Placement):
    """On your own servers."""

    name = "http"

    urls: Annotated[tuple[str, ...], BeforeValidator(_texts), Field(min_length=1)]
    """Servers `[http://a:8000,http://b:8000]`: vLLM's `/v1/embeddings`, `/classify`, for a judge any `/v1/chat/completions`."""

    @field_validator("urls")
    @classmethod
    def _have_a_scheme(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"urls: {url} is not a URL. Write http://{url.rpartition('://')[2]}.")
        return urls
