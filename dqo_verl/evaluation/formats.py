"""Converts rows of trainers and harnesses to our own rows; docs/evaluation.md lists the formats."""

from typing import Any

# numeric columns of TRL's completions that are not rewards
NO_REWARD = {"step", "advantage", "diversity"}


def as_ours(row: dict[str, Any], score_field: str | None = None) -> dict[str, Any]:
    """The row with `prompt`, `response` or `responses`, and `score` if known; `score_field` names the field with the score."""
    if "traces" in row and "task" in row:
        try:
            row = _of_verifiers(row)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not an episode of verifiers: {type(error).__name__} {error}") from error
    elif "input" in row and "output" in row:
        row = {**row, "prompt": row["input"], "response": row["output"]}
    elif "completion" in row and "response" not in row:
        row = {**row, "response": last_said(row["completion"])}
        if "score" not in row and score_field is None:
            row = {**row, "score": row["reward"]} if "reward" in row else _with_the_only_reward(row)
    if score_field is None:
        return row
    if score_field not in row:
        raise ValueError(f"has no field `{score_field}`, which --score-field names")
    plural = "scores" if isinstance(row[score_field], list) else "score"
    return {name: value for name, value in row.items() if name not in ("score", "scores")} | {plural: row[score_field]}


def last_said(completion: Any) -> Any:
    """A text unchanged, or the content of the last of several messages, which is the answer after all tool calls."""
    if not isinstance(completion, list):
        return completion
    if not completion or not all(isinstance(message, dict) for message in completion):
        raise ValueError("`completion` must be a text or a list of chat messages")
    said = completion[-1].get("content")
    if isinstance(said, list):
        said = "".join(str(part.get("text") or "") for part in said if isinstance(part, dict))
    return said or ""


def _of_verifiers(episode: dict[str, Any]) -> dict[str, Any]:
    """Convert an episode of verifiers or prime-rl: the last message that its only agent sampled, and its weighted rewards."""
    if len(episode["traces"]) != 1:
        raise ValueError(f"an episode with {len(episode['traces'])} agents; only episodes with one agent can be read")
    (trace,) = episode["traces"]
    task = trace.get("task", episode["task"])["data"]
    said = [node["message"] for node in trace.get("nodes", ()) if node.get("sampled")]
    # no `prompt_id`: the task's index is unique only within one set of tasks
    row = {"prompt": task.get("prompt"), "response": last_said(said) if said else ""}
    rewards = [one for one in trace.get("rewards", {}).values() if one]
    if rewards:
        row["score"] = sum(one["score"] * one.get("weight", 1.0) for one in rewards)
    return row


def _with_the_only_reward(row: dict[str, Any]) -> dict[str, Any]:
    """Add `score` to a row of TRL, which has `advantage` and a column for each reward function."""
    if "advantage" not in row:
        return row
    rewards = [name for name, value in row.items() if name not in NO_REWARD and _is_number(value)]
    if len(rewards) > 1:
        raise ValueError(f"has several rewards ({', '.join(rewards)}): name one with --score-field")
    return {**row, "score": row[rewards[0]]} if rewards else row


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
