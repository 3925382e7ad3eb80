"""Score responses with a reward function of verl's signature: `(data_source, solution_str, ground_truth, extra_info)`."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import Group

# Concurrent calls of an async function, such as one that asks a reward model.
CONCURRENCY = 64


def score_groups(groups: Sequence[Group], function: Callable[..., Any], problems: Problems) -> list[Group]:
    """Fill `scores` and `acc` of every group; a group without reference is a problem."""
    known = []
    for group in groups:
        if group.ground_truth is None:
            problems.add(group.where, "missing reference", "no `ground_truth` (verl: `gts`) to score against")
        else:
            known.append(group)
    problems.settle()
    calls = [
        {"data_source": g.data_source, "solution_str": text, "ground_truth": g.ground_truth, "extra_info": g.extra_info}
        for g in known
        for text in g.responses
    ]
    results = iter(
        asyncio.run(_all(function, calls)) if inspect.iscoroutinefunction(function) else _each(function, calls)
    )
    for group in known:
        own = [next(results) for _ in group.responses]
        group.scores = [float(result["score"] if isinstance(result, dict) else result) for result in own]
        group.acc = [float(r["acc"]) if isinstance(r, dict) and r.get("acc") is not None else None for r in own]
    return known


def _each(function: Callable[..., Any], calls: list[dict[str, Any]]) -> list[Any]:
    return [function(**call) for call in tqdm(calls, desc="reward", unit="response")]


async def _all(function: Callable[..., Any], calls: list[dict[str, Any]]) -> list[Any]:
    gate = asyncio.Semaphore(CONCURRENCY)
    with tqdm(total=len(calls), desc="reward", unit="response") as bar:

        async def one(call: dict[str, Any]) -> Any:
            async with gate:
                result = await function(**call)
            bar.update()
            return result

        return await asyncio.gather(*(one(call) for call in calls))
