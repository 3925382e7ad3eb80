"""The columns of a prepared file and their checks. All data sets have the same columns: verl can read several together."""

# mypy: disable-error-code="import-untyped"

from collections.abc import Mapping
from typing import Any

from dqo_verl.errors import UserError

Row = dict[str, Any]
ROLES = ("system", "user", "assistant")


def arrow_schema() -> Any:
    """`extra_info.prompt` repeats `prompt`, because verl passes `extra_info` to a reward function but not the prompt."""
    import pyarrow as pa

    text, messages = pa.string(), pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    return pa.schema(
        [
            ("data_source", text),
            ("prompt", messages),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", pa.struct([("split", text), ("index", pa.int64()), ("id", text), ("prompt", messages)])),
        ]
    )


def wrong(column: str, expected: str, found: Any) -> UserError:
    shown = repr(found)
    return UserError(f"column {column}: expected {expected}, found {shown if len(shown) <= 80 else shown[:77] + '...'}")


def text(row: Mapping[str, Any], column: str) -> str:
    """The non-blank text in a column of a source."""
    if column not in row:
        raise UserError(f"column {column} is missing; the row has: {', '.join(row)}")
    value = row[column]
    if not isinstance(value, str) or not value.strip():
        raise wrong(column, "non-blank text", value)
    return value


def check_row(row: Mapping[str, Any]) -> None:
    """Raise `UserError` unless verl and our rewards can use this row."""
    text(row, "data_source")
    text(row, "ability")
    messages = row["prompt"]
    if not messages or messages[-1]["role"] != "user":
        raise wrong("prompt", "chat messages, the last one from the user", messages)
    for i, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise wrong(f"prompt[{i}].role", f"one of {', '.join(ROLES)}", message.get("role"))
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise wrong(f"prompt[{i}].content", "non-blank text", message.get("content"))
    reward = row["reward_model"]
    if reward["style"] not in ("rule", "model"):
        raise wrong("reward_model.style", "rule or model", reward["style"])
    if not isinstance(reward["ground_truth"], str) or (
        reward["style"] == "rule" and not reward["ground_truth"].strip()
    ):
        raise wrong("reward_model.ground_truth", "the answer as text", reward["ground_truth"])
    if row["extra_info"]["prompt"] != messages:
        raise wrong("extra_info.prompt", "the same messages as in prompt", row["extra_info"]["prompt"])
