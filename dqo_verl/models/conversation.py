"""A prompt and a response -> the tokens that a reward model reads, by its own chat template."""

from collections.abc import Mapping, Sequence
from typing import Any


def prompt_of(extra_info: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The prompt's messages. verl hands a reward function no prompt, so the data must repeat it in `extra_info`."""
    prompt = (extra_info or {}).get("prompt")
    if prompt is None or len(prompt) == 0:
        raise KeyError(
            "extra_info.prompt: this reward reads the prompt, and verl hands over extra_info only. Use files made by "
            "dqo-verl prepare, or add the messages of the column prompt to extra_info of yours."
        )
    return [dict(message) for message in prompt]


def tokens(
    tokenizer: Any, prompt: Sequence[Mapping[str, str]], response: str, limit: int, last: Sequence[int] = ()
) -> tuple[list[int], bool]:
    """At most `limit` tokens that end in `last`, and whether the response had to be cut (its own last tokens go)."""

    def render(text: str) -> list[int]:
        chat = [*prompt, {"role": "assistant", "content": text}]
        ids: list[int] = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
        return [*ids, *last]

    ids = render(response)
    if len(ids) <= limit:
        return ids, False
    own = tokenizer(response, add_special_tokens=False)["input_ids"]
    while len(ids) > limit:
        own = own[: max(0, len(own) - (len(ids) - limit))]
        if not own:
            raise ValueError(
                f"the prompt alone fills the {limit} tokens that the reward model reads: lower data.max_prompt_length"
            )
        ids = render(tokenizer.decode(own))
    return ids, True
