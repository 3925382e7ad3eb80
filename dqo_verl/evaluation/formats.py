"""Rows of trainers and harnesses as rows of ours; docs/evaluation.md lists them."""

from typing import Any

# of TRL's table of completions: what is a number and no reward
NO_REWARD = {"step", "advantage", "diversity"}


def as_ours(row: dict[str, Any], score_field: str | None = None) -> dict[str, Any]:
    """With `prompt`, `response` or `responses`, and `score` where it is known; `score_field`: the field that is the score."""
    if "traces" in row and "task" in row:
        try:
            row = _of_verifiers(row)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no episode of verifiers: {type(error).__name__} {error}") from error
    elif "input" in row and "output" in row:
        row = {**row, "prompt": row["input"], "response": row["output"]}
    elif "completion" in row and "response" not in row:
        row = {**row, "response": last_said(row["completion"])}
        if "score" not in row and score_field is None:
            row = {**row, "score": row["reward"]} if "reward" in row else _with_the_only_reward(row)
    if score_field is None:
        return row
    if score_field not in row:
        raise ValueError(f"has no `{score_field}`, which --score-field names")
    plural = "scores" if isinstance(row[score_field], list) else "score"
    return {name: value for name, value in row.items() if name not in ("score", "scores")} | {plural: row[score_field]}


def last_said(completion: Any) -> Any:
    """A text as it is; of messages the content of the last one, which is the answer after all calls of tools."""
    if not isinstance(completion, list):
        return completion
    if not completion or not all(isinstance(message, dict) for message in completion):
        raise ValueError("`completion` must be a text or a list of chat messages")
    said = completion[-1].get("content")
    if isinstance(said, list):
        said = "".join(str(part.get("text") or "") for part in said if isinstance(part, dict))
    return said or ""


def _of_verifiers(episode: dict[str, Any]) -> dict[str, Any]:
    """An episode of verifiers', which prime-rl writes too: the last message that its only agent sampled, and its weighted rewards."""
    if len(episode["traces"]) != 1:
        raise ValueError(f"an episode with {len(episode['traces'])} agents: the answer of which one is meant?")
    (trace,) = episode["traces"]
    task = trace.get("task", episode["task"])["data"]
    said = [node["message"] for node in trace.get("nodes", ()) if node.get("sampled")]
    row = {"prompt": task.get("prompt"), "response": last_said(said) if said else ""}
    # the index alone is unique within a set of tasks only
    rewards = [one for one in trace.get("rewards", {}).values() if one]
    if rewards:
        row["score"] = sum(one["score"] * one.get("weight", 1.0) for one in rewards)
    return row


def _with_the_only_reward(row: dict[str, Any]) -> dict[str, Any]:
    """TRL writes a column for each reward function, and `advantage`."""
    if "advantage" not in row:
        return row
    rewards = [name for name, value in row.items() if name not in NO_REWARD and _is_number(value)]
    if len(rewards) > 1:
        raise ValueError(f"has several rewards ({', '.join(rewards)}): name one by --score-field")
    return {**row, "score": row[rewards[0]]} if rewards else row


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
