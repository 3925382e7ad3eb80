"""Score responses with a reward function of verl's form: `(data_source, solution_str, ground_truth, extra_info)`."""

import asyncio
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import Group

CONCURRENCY = 64  # of an async function, e.g. one that asks a reward model


def load_function(name: str) -> Callable[..., Any]:
    """`path/to/file.py:function` or `package.module:function`."""
    source, _, function = name.rpartition(":")
    if not source:
        raise UserError(f"--score-with {name!r}: write it as path/to/file.py:function or package.module:function")
    if source.endswith(".py"):
        if not Path(source).is_file():
            raise UserError(f"--score-with {name!r}: there is no file {source}")
        spec = importlib.util.spec_from_file_location(Path(source).stem, source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(source)
        except ModuleNotFoundError as error:
            raise UserError(f"--score-with {name!r}: {error}") from error
    if not hasattr(module, function):
        raise UserError(f"--score-with {name!r}: {source} has no function {function!r}")
    return getattr(module, function)  # type: ignore[no-any-return]


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
