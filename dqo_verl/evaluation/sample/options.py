"""Options of `dqo-verl sample`. The module imports little, because `--help` loads it to show the defaults."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from tyro.conf import arg

from dqo_verl.errors import UserError
from dqo_verl.flags import Json, unset


@dataclass(frozen=True)
class Sampling:
    """How to sample the responses to every prompt."""

    n: Annotated[int, arg(aliases=["-n"], metavar="N")] = 10
    """Number of responses to each prompt."""
    max_tokens: Annotated[int, arg(metavar="N")] = 1024
    """Maximum number of tokens of a response."""
    top_p: Annotated[float, arg(metavar="P")] = 1.0
    """Share of the probability that nucleus sampling keeps."""
    min_p: Annotated[float, arg(metavar="P")] = 0.0
    """Smallest probability that min-p sampling keeps, relative to the largest."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Base seed; the seed of each prompt and temperature is made from it."""
    chat_template_kwargs: Annotated[Json, unset("none")] = None
    """Arguments of the chat template in JSON, for example {"enable_thinking": false}."""


def engine_arguments(typed: Sequence[str]) -> dict[str, Any]:
    """`("max_model_len=4096", "dtype=float32")` as arguments of `vllm.LLM`: a value that is not JSON is text."""
    found: dict[str, Any] = {}
    for text in typed:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--engine {text}: write it as NAME=VALUE, for example max_model_len=4096")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found
