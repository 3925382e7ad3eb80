"""Diversity-aware RL for language models (DQO, DARLING) as drop-in advantage estimators for verl.

The functions exported here are pure torch: use them in a notebook or in another trainer. Installing the package is all
that verl needs to find the estimators (`algorithm.adv_estimator=dqo` or `darling`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dqo_verl.core.classes import classes, same_class
    from dqo_verl.core.kernels import gaussian_kernel, linear_kernel
    from dqo_verl.core.measures import (
        deviation_weight,
        distinct_fraction,
        distinct_ngram_fraction,
        graph_cut_weight,
        leave_one_out_logdet,
        loo_logdet,
        loo_logdet_quality,
        mean_pairwise_distance,
        mean_surprisal,
        set_logdet,
        unlikeliness,
    )
    from dqo_verl.core.objectives import add, multiply, only, shift_quality, zscore_add
else:

    def __getattr__(name: str) -> Any:
        # torch takes a second to import, which the command line's help does without
        if name in __all__:
            for module in ("classes", "kernels", "measures", "objectives"):
                exported = import_module(f"dqo_verl.core.{module}")
                if hasattr(exported, name):
                    return getattr(exported, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "add",
    "classes",
    "deviation_weight",
    "distinct_fraction",
    "distinct_ngram_fraction",
    "gaussian_kernel",
    "graph_cut_weight",
    "leave_one_out_logdet",
    "linear_kernel",
    "loo_logdet",
    "loo_logdet_quality",
    "mean_pairwise_distance",
    "mean_surprisal",
    "multiply",
    "only",
    "same_class",
    "set_logdet",
    "shift_quality",
    "unlikeliness",
    "zscore_add",
]
