"""The client of an OpenAI-compatible server, whose model samples, judges diversity or labels pairs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dqo_verl.errors import UserError


def client(endpoint: str | None) -> Any:
    """An OpenAI client with bounded retries. The key comes from OPENAI_API_KEY; local servers need none."""
    from openai import OpenAI

    key = os.environ.get("OPENAI_API_KEY", "none" if endpoint else None)
    if key is None:
        raise UserError(
            "OPENAI_API_KEY is not set: set it, or name the endpoint of your own server (http://host:port/v1)."
        )
    return OpenAI(base_url=endpoint, api_key=key, max_retries=5, timeout=600)


@contextmanager
def asking(endpoint: str | None) -> Iterator[None]:
    """Turn an error of the server, or of the way to it, into a `UserError`. For callers that save each answer."""
    from openai import OpenAIError

    try:
        yield
    except OpenAIError as error:
        raise UserError(
            f"{endpoint or 'api.openai.com'}: {type(error).__name__}: {str(error)[:300]}. The answers so far are saved. "
            "Run the same command again to continue."
        ) from error
