"""A prompt and a response -> the tokens that a reward model reads, by its own chat template."""

from collections.abc import Mapping, Sequence
from typing import Any


def prompt_of(extra_info: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The prompt's messages. verl passes no prompt to reward functions, so the data must repeat it in `extra_info`."""
    prompt = (extra_info or {}).get("prompt")
    if prompt is None or len(prompt) == 0:
        raise KeyError(
            "extra_info.prompt is missing: this reward function reads the prompt, which verl passes in extra_info only. Use "
            "files made by dqo-verl prepare, or copy the messages of the column prompt into the extra_info of your data."
        )
    return [dict(message) for message in prompt]


def tokens(
    tokenizer: Any, prompt: Sequence[Mapping[str, str]], response: str, limit: int, last: Sequence[int] = ()
) -> tuple[list[int], bool]:
    """At most `limit` tokens that end in `last`, and whether the end of the response was cut."""

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
