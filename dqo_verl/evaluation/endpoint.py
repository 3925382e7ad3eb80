"""A model behind an OpenAI-compatible server: it samples, judges diversity, or labels pairs."""

import os
from typing import Any

from dqo_verl.errors import UserError


def client(endpoint: str | None) -> Any:
    """An OpenAI client with bounded retries. The key comes from OPENAI_API_KEY; local servers need none."""
    from openai import OpenAI

    key = os.environ.get("OPENAI_API_KEY", "none" if endpoint else None)
    if key is None:
        raise UserError("Set OPENAI_API_KEY, or name the endpoint of your own server (http://host:port/v1).")
    return OpenAI(base_url=endpoint, api_key=key, max_retries=5, timeout=600)
