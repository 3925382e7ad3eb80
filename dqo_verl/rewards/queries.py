"""Gives a reward function the form that OpenRLHF calls: `reward_func(queries, prompts, labels)`.

A query is the prompt followed by the response, special tokens included; a label is the ground truth, or verl's column
`reward_model`, which contains it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# what tokenizers append to a response
SPECIAL = re.compile(r"(?:<\|[^|<>]*\|>|</s>|<eos>|<end_of_turn>)")


def reward_func_of(compute_score: Callable[..., Mapping[str, float]]) -> Callable[..., dict[str, Any]]:
    """`score` becomes the rewards and scores; OpenRLHF logs all other numbers that `compute_score` returns."""

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
        import torch

        found = [
            compute_score("", response_of(query, prompt), truth_of(label))
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]
        columns = {name: torch.tensor([one[name] for one in found]) for name in found[0]}
        scores = columns.pop("score")
        return {"rewards": scores, "scores": scores, "extra_logs": columns}

    return reward_func


def response_of(query: str, prompt: str) -> str:
    """The response in a query. OpenRLHF cuts long prompts at their beginning, so the query may start anywhere in its prompt."""
    start = next(start for start in range(len(prompt) + 1) if query.startswith(prompt[start:]))
    if start == len(prompt):
        raise ValueError(
            f"the query {query[:100]!r} does not begin with its prompt or with the end of its prompt: {prompt[-100:]!r}"
        )
    return without_end(query[len(prompt) - start :])


def without_end(text: str) -> str:
    """`text` without the blanks and special tokens at its end."""
    text = text.rstrip()
    while (start := text.rfind("<")) >= 0 and SPECIAL.fullmatch(text, start):
        text = text[:start].rstrip()
    return text


def truth_of(label: Any) -> str:
    return str(label["ground_truth"] if isinstance(label, Mapping) else label)
