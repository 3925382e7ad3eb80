"""Diversity-aware RL for language models (DQO, DARLING) as drop-in advantage estimators for verl.

The names below need only torch and pydantic: use them in a notebook or in another trainer. verl finds the estimators
(`algorithm.adv_estimator=dqo` or `darling`) as soon as the package is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dqo_verl.core.classes import classes as classes
    from dqo_verl.core.classes import same_class as same_class
    from dqo_verl.core.features import Features as Features
    from dqo_verl.core.features import Groups as Groups
    from dqo_verl.core.kernels import gaussian_kernel as gaussian_kernel
    from dqo_verl.core.kernels import linear_kernel as linear_kernel
    from dqo_verl.core.keys import ResponseKey as ResponseKey
    from dqo_verl.core.measures.base import Measure as Measure
    from dqo_verl.core.measures.deviation import deviation_weight as deviation_weight
    from dqo_verl.core.measures.dpp import leave_one_out_logdet as leave_one_out_logdet
    from dqo_verl.core.measures.dpp import loo_logdet as loo_logdet
    from dqo_verl.core.measures.dpp import loo_logdet_quality as loo_logdet_quality
    from dqo_verl.core.measures.dpp import set_logdet as set_logdet
    from dqo_verl.core.measures.graph_cut import graph_cut_weight as graph_cut_weight
    from dqo_verl.core.measures.likelihood import mean_surprisal as mean_surprisal
    from dqo_verl.core.measures.likelihood import unlikeliness as unlikeliness
    from dqo_verl.core.measures.ngram import distinct_ngram_fraction as distinct_ngram_fraction
    from dqo_verl.core.measures.pairwise import mean_pairwise_distance as mean_pairwise_distance
    from dqo_verl.core.measures.partition import distinct_fraction as distinct_fraction
    from dqo_verl.core.objectives import Objective as Objective
    from dqo_verl.core.settings import Settings as Settings
    from dqo_verl.core.settings import parse as parse
    from dqo_verl.core.shaping import Shaped as Shaped
    from dqo_verl.core.shaping import shape as shape
    from dqo_verl.errors import UserError as UserError

__version__ = "0.1.0"

# module -> its public names, imported on first use: `import verl` and `dqo-verl --help` must not wait for torch
_PLACES = {
    "core.classes": ("classes", "same_class"),
    "core.features": ("Features", "Groups"),
    "core.kernels": ("gaussian_kernel", "linear_kernel"),
    "core.keys": ("ResponseKey",),
    "core.measures.base": ("Measure",),
    "core.measures.deviation": ("deviation_weight",),
    "core.measures.dpp": ("leave_one_out_logdet", "loo_logdet", "loo_logdet_quality", "set_logdet"),
    "core.measures.graph_cut": ("graph_cut_weight",),
    "core.measures.likelihood": ("mean_surprisal", "unlikeliness"),
    "core.measures.ngram": ("distinct_ngram_fraction",),
    "core.measures.pairwise": ("mean_pairwise_distance",),
    "core.measures.partition": ("distinct_fraction",),
    "core.objectives": ("Objective",),
    "core.settings": ("Settings", "parse"),
    "core.shaping": ("Shaped", "shape"),
    "errors": ("UserError",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
