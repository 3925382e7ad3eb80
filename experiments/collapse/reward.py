"""The demo's reward function for verl: 1 for a right answer, else 0. `data_source` is the name of the task."""

from importlib import import_module
from typing import Any


def compute_score(data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any) -> float:
    return float(import_module(f"experiments.collapse.{data_source}").is_right(solution_str.strip(), ground_truth))
