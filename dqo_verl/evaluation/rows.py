"""Reads rows of jsonl or parquet into groups of n responses to one prompt. Definitions: docs/evaluation.md.

Five kinds of rows can be read, also mixed over several files:

    {"prompt_id"?, "prompt", "response", "score"?, "acc"?, "temperature"?, ...}     one response a row
    {"prompt_id"?, "prompt", "responses": [...], "scores"?: [...], "acc"?: [...]}   one group a row: `dqo-verl sample`
    {"input", "output", "score", "gts", "step", "uid"?, ...}                        verl's validation and rollout dumps
    {"prompt", "completion", "reward" or a column for each reward, "step"?, ...}    TRL's completions, and others'
    {"task", "traces": [{"nodes", "rewards", ...}], ...}                            verifiers' and prime-rl's episodes
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError, opening
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.files import files_of, lines_of, parsed
from dqo_verl.evaluation.formats import as_ours

VERL_KEY = re.compile(r"^(?P<uid>.+)_(?P<session>\d+)_(?P<index>\d+)$")


@dataclass
class Group:
    """The responses to one prompt at one temperature and one training step, with what is known about them."""

    prompt_id: str
    prompt: str
    where: str
    temperature: float | None = None
    step: int | None = None
    responses: list[str] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    acc: list[float | None] = field(default_factory=list)
    # Whether each response ran into max_tokens.
    cut: list[bool | None] = field(default_factory=list)
    ground_truth: Any = None
    data_source: str = "unknown"
    extra_info: dict[str, Any] = field(default_factory=dict)
    # The prompt as chat messages, which verl's dumps do not contain.
    messages: list[dict[str, str]] | None = None
    # For verl's dumps: the index of each session's last output, and the position of its response.
    sessions: dict[str, tuple[int, int]] = field(default_factory=dict)


def prompt_text(prompt: Any) -> str:
    """A prompt as readable text: a string unchanged, or the contents of chat messages (with roles if there are several)."""
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, list) or not prompt or not all(isinstance(m, dict) and "content" in m for m in prompt):
        raise ValueError("must be a string or a list of chat messages with `role` and `content`")
    if len(prompt) == 1:
        return str(prompt[0]["content"])
    return "\n\n".join(f"[{m.get('role', '?')}] {m['content']}" for m in prompt)


def _messages(prompt: Any) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def prompt_key(text: str) -> str:
    """The id of a prompt that has none: the same text has the same id in every run, so that runs can be paired."""
    return hashlib.sha1(text.encode()).hexdigest()[:12]


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"`{name}` must be a finite number, not {str(value)[:40]!r}")
    return number


def _listed(row: dict[str, Any], plural: str, singular: str, n: int) -> list[Any]:
    """`n` values from the list field, or the single field repeated; None for each if the row has neither."""
    value = row.get(plural, row.get(singular))
    if not isinstance(value, list):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"`{plural}` has {len(value)} entries for {n} responses")
    return value


def _add_row(row: Any, where: str, groups: dict[tuple[Any, ...], Group], pool: bool, score_field: str | None) -> None:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    row = as_ours(row, score_field)
    if "prompt" not in row or ("response" not in row and "responses" not in row):
        raise ValueError(
            "needs `prompt` and `response` (or `responses`, or `completion`; verl's dumps: `input` and `output`)"
        )
    prompt = prompt_text(row["prompt"])
    responses = row["responses"] if "responses" in row else [row["response"]]
    if not isinstance(responses, list) or not responses:
        raise ValueError("empty group: `responses` must be a list with at least one text")
    if not all(isinstance(text, str) for text in responses):
        raise ValueError("a response is not a text")
    n = len(responses)
    scores = [_number(value, "score") for value in _listed(row, "scores", "score", n)]
    acc = [_number(value, "acc") for value in _listed(row, "acc", "acc", n)]
    temperature, step = _number(row.get("temperature"), "temperature"), _number(row.get("step"), "step")

    verl_key = VERL_KEY.match(str(row.get("uid", ""))) if "input" in row else None
    name = verl_key["uid"] if verl_key else str(row["prompt_id"]) if "prompt_id" in row else prompt_key(prompt)
    for part in ("reward_model", "extra_info"):
        if not isinstance(row.get(part) or {}, dict):
            raise ValueError(f"`{part}` must be an object, not {str(row[part])[:40]!r}")
    cut = _listed(row, "cut", "cut", n)
    if not all(isinstance(value, bool | None) for value in cut):
        raise ValueError("`cut` must be true or false")
    truth = row.get("ground_truth", row.get("gts", (row.get("reward_model") or {}).get("ground_truth")))
    key = (name, temperature, step)
    if key not in groups:
        prompt_id = name if "prompt_id" in row and not verl_key else prompt_key(prompt)
        groups[key] = Group(prompt_id, prompt, where, temperature, None if step is None else int(step))
        groups[key].ground_truth = truth
        groups[key].data_source = str(row.get("data_source", "unknown"))
        groups[key].extra_info = row.get("extra_info") or {}
        groups[key].messages = None if "input" in row else _messages(row["prompt"])
    group = groups[key]
    if not pool and file_of(group.where) != file_of(where):
        raise ValueError(
            f"its group is already at {group.where}. If the files are from two models, evaluate each file separately"
        )
    if not pool and "responses" in row and group.responses:
        raise ValueError(f"its group is already at {group.where}, and a row with `responses` is a whole group")
    if group.prompt != prompt:
        raise ValueError(f"prompt_id {name!r} has a different prompt here than at {group.where}")
    if verl_key and not _is_last_output(group, verl_key["session"], int(verl_key["index"]), responses[0], scores, acc):
        return
    group.responses += responses
    group.scores += scores
    group.acc += acc
    group.cut += cut


def _is_last_output(
    group: Group, session: str, index: int, text: str, scores: list[float | None], acc: list[float | None]
) -> bool:
    """verl keys are `{uid}_{session}_{index}`: of several outputs of one session only the last one counts."""
    if session not in group.sessions:
        group.sessions[session] = (index, len(group.responses))
        return True
    last, position = group.sessions[session]
    if index > last:
        group.sessions[session] = (index, position)
        group.responses[position], group.scores[position], group.acc[position] = text, scores[0], acc[0]
    return False


def picked(prompt_ids: Iterable[str], count: int) -> list[str]:
    """Pick `count` prompts by the hash of their ids, independently of the results."""
    return sorted(prompt_ids, key=lambda one: hashlib.sha256(one.encode()).hexdigest())[:count]


def file_of(where: str) -> str:
    return where.rpartition(":")[0]


def read_groups(
    paths: Sequence[Path], problems: Problems, pool: bool = False, score_field: str | None = None
) -> list[Group]:
    """All groups of all files, in order of appearance. `pool`: merge groups of one prompt over files and models."""
    groups: dict[tuple[Any, ...], Group] = {}
    # a file that is named twice counts once
    for file in {file.resolve(): file for path in paths for file in files_of(path)}.values():
        with opening(file):
            for number, line in enumerate(lines_of(file), start=1):
                if not line:
                    continue
                where = f"{file}:{number}"
                try:
                    row = parsed(line) if isinstance(line, bytes) else line
                    _add_row(row, where, groups, pool, score_field)
                except UnicodeDecodeError as error:
                    problems.add(where, "not a text in UTF-8", str(error))
                except json.JSONDecodeError as error:
                    problems.add(where, "not valid JSON", str(error))
                except ValueError as error:
                    problems.add(where, "bad row", str(error))
    if not groups:
        problems.settle()
        raise UserError(f"no responses in {', '.join(map(str, paths))}")
    return _number_repeats(list(groups.values()))


def _number_repeats(groups: list[Group]) -> list[Group]:
    """A prompt that verl validates twice (two uids, one text) keeps two groups: the second one's id ends in `#2`."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for group in groups:
        key = (group.prompt_id, group.temperature, group.step)
        seen[key] += 1
        if seen[key] > 1:
            group.prompt_id += f"#{seen[key]}"
    return groups


def slices(groups: list[Group]) -> dict[tuple[float | None, int | None], list[Group]]:
    """Groups by (temperature, training step), sorted: each slice is evaluated on its own."""
    found: dict[tuple[float | None, int | None], list[Group]] = {}
    for group in groups:
        found.setdefault((group.temperature, group.step), []).append(group)
    return dict(sorted(found.items(), key=lambda item: tuple((v is not None, v or 0) for v in item[0])))


def same_size(groups: list[Group], problems: Problems) -> list[Group]:
    """Groups of the most common size (the larger one on a tie); others are problems, because all need the same n."""
    sizes = Counter(len(group.responses) for group in groups)
    usual = max(sizes, key=lambda size: (sizes[size], size))
    for group in groups:
        if len(group.responses) != usual:
            problems.add(group.where, "mixed n", f"{len(group.responses)} response(s), the other groups have {usual}")
    return [group for group in groups if len(group.responses) == usual]
