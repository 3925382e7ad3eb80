"""All settings, their defaults and every check: `+reward_model.diversity=MEASURE +algorithm.diversity.KEY=VALUE`."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dqo_verl.core.classes import DEFAULT_COSINE
from dqo_verl.core.kernels import KERNELS
from dqo_verl.core.methods import MEASURES, METHODS
from dqo_verl.core.minilm import MINILM
from dqo_verl.errors import UserError

PREFIX = "algorithm.diversity"

# verl 0.9.1's V1 trainer never fetches what these need (their own verl commands fail too)
UNUSABLE_BASES = {
    "gdpo": "per-dimension rewards",
    "remax": "a greedy baseline rollout",
    "optimal_token_baseline": "sum_pi_squared",
    "tir_optimal_token_baseline": "sum_pi_squared",
}
# bases that do not subtract a group's mean: a prompt with a single response still has a signal
ACROSS_GROUPS = ("gae", "reinforce_plus_plus")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run needs to know about diversity. The effective values are printed once and logged."""

    method: str  # preset the run started from (or the measure alone): for the reader of the log
    diversity: str  # measure, see core/methods.py
    base: str = "grpo"  # any advantage estimator of verl's registry
    combine: str = "add"  # add: r + alpha d | multiply: q * v | zscore_add: z(r) + alpha z(d) | only: alpha d
    alpha: float = 1.0  # weight of diversity, in units of reward
    scale: str = "raw"  # raw: the base sees the shaped reward | decoupled: base(r) + alpha (d - mean d of the group)
    gate: float | None = None  # only responses with quality > gate take part; the others get no bonus
    kernel: str = "linear"  # linear (DQO's Gram matrix) | gaussian
    bandwidth: float = 1.0  # of the gaussian kernel, in units of distance between unit vectors
    embedder: str = MINILM  # sentence-transformers model: hub name or path
    classifier: str | None = None  # pair classifier for partition: hub name or path; none: cosine of the embedder
    threshold: float | None = None  # same class above it; none: the classifier's own, or DEFAULT_COSINE
    ngram: int = 4  # words per n-gram
    rank_penalty: float = 0.25  # of likelihood: what the most probable response of a group loses
    answer_only: bool = False  # compare the text up to the final answer only: noise after it earns nothing
    floor: float = 0.0  # smallest factor in multiply (DARLING's paper: none, its code: 0.1)
    quality_shift: str = "none"  # before multiply: none | group_min | sigmoid
    # classes: components (DARLING) | first_member (NoveltyBench, in order of the responses); none: the latter without classifier
    partition: str | None = None
    both_orders: bool = False  # ask the classifier for (a, b) and (b, a), and average
    short_answer_words: int = 0  # up to so many words, half of the words shared is the same (DARLING's code: 5); 0: off
    stream: bool = True  # compute features while verl generates; False: when they are asked for
    placement: str = (
        "cpu"  # of the model: cpu | gpu (one reserved) | shared (a training GPU) | http (servers of your own)
    )
    urls: tuple[str, ...] = ()  # of the servers, for placement=http
    actors: int = 1  # copies of the model, spread over the nodes
    start_timeout: float = 300.0  # seconds until the model must be up
    deadline: float = 300.0  # seconds that a request to a server may take, retries included

    def __post_init__(self) -> None:
        object.__setattr__(self, "urls", tuple(self.urls))  # the config hands over a list

    @property
    def reads(self) -> str:
        """What the measure reads: embeddings, classes, texts, log_probs or nothing. Classes by cosine need embeddings."""
        reads = MEASURES[self.diversity].reads
        return "embeddings" if reads == "classes" and self.classifier is None else reads

    @property
    def cosine_threshold(self) -> float:
        """Two responses are of one class above this cosine, where no classifier is set."""
        return DEFAULT_COSINE if self.threshold is None else self.threshold

    @property
    def rule(self) -> str:
        """How decisions on pairs become classes."""
        return self.partition or ("first_member" if self.classifier is None else "components")

    @property
    def changes_nothing(self) -> bool:
        """True where the base estimator's advantages must come out bit for bit; diversity is still measured."""
        return self.diversity == "none" or (self.alpha == 0 and self.combine == "add")


CHOICES: dict[str, Collection[str]] = {
    "diversity": tuple(MEASURES),
    "combine": ("add", "multiply", "zscore_add", "only"),
    "scale": ("raw", "decoupled"),
    "kernel": tuple(KERNELS),
    "quality_shift": ("none", "group_min", "sigmoid"),
    "partition": ("components", "first_member"),
    "placement": ("cpu", "gpu", "shared", "http"),
}
FIELDS = {field.name: field for field in dataclasses.fields(Settings) if field.name not in ("method", "diversity")}


def resolve(
    adv_estimator: str, measure: str | None, typed: Mapping[str, Any], bases: Collection[str]
) -> "Settings | None":
    """The settings of a run, or None if it has nothing to do with diversity. Raises `UserError` with what to type.

    Args:
        adv_estimator: `algorithm.adv_estimator`: a method of ours, or one of verl's estimators, which becomes the base.
        measure: `reward_model.diversity`, if given.
        typed: `algorithm.diversity.*`.
        bases: the estimators that verl has registered, without ours.
    """
    ours = adv_estimator in METHODS
    if not ours and measure is None:
        if typed:
            raise UserError(
                f"{PREFIX}.{next(iter(typed))} has no effect with algorithm.adv_estimator={adv_estimator}. Add "
                f"+reward_model.diversity=dpp, or use algorithm.adv_estimator={' or '.join(METHODS)}."
            )
        return None
    values = {key: _converted(key, value) for key, value in typed.items()}
    values["diversity"] = _chosen("diversity", measure if measure is not None else METHODS[adv_estimator]["diversity"])
    values["method"] = adv_estimator if ours else values["diversity"]
    if not ours:
        if values.get("base", adv_estimator) != adv_estimator:
            raise UserError(
                f"Two base estimators: algorithm.adv_estimator={adv_estimator} and {PREFIX}.base={values['base']}. "
                f"Drop the second, or write algorithm.adv_estimator=dqo +{PREFIX}.base={values['base']}."
            )
        values["base"] = adv_estimator
    values.setdefault("combine", MEASURES[values["diversity"]].combine)
    settings = Settings(**values)
    _check(settings, set(typed), bases)
    return settings


def _chosen(key: str, value: Any) -> str:
    """`value` if it is one of the choices of `key`."""
    value = "none" if value is None or value is False else value
    if value in CHOICES[key]:
        return str(value)
    name = "reward_model.diversity" if key == "diversity" else f"{PREFIX}.{key}"
    raise UserError(f"{name}={value} is not known. Choose one of: {', '.join(CHOICES[key])}.")


def _converted(key: str, value: Any) -> Any:
    """`value` as the type of setting `key`."""
    if key not in FIELDS:
        if key in ("diversity", "measure", "method"):
            raise UserError(f"{PREFIX}.{key} does not exist. Write +reward_model.diversity={value}.")
        close = difflib.get_close_matches(key, FIELDS, n=1)
        hint = f" Did you mean +{PREFIX}.{close[0]}={value}?" if close else ""
        raise UserError(f"{PREFIX}.{key} does not exist.{hint} Settings: {', '.join(FIELDS)}.")
    if key in CHOICES:
        return _chosen(key, value)
    if key == "urls":
        return (value,) if isinstance(value, str) else tuple(str(url) for url in value)
    expected = FIELDS[key].type
    allowed = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if isinstance(value, int) and not isinstance(value, bool) and float in allowed:
        value = float(value)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join("null" if kind is types.NoneType else kind.__name__ for kind in allowed)
        raise UserError(f"{PREFIX}.{key}={value!r} must be {names}, not {type(value).__name__}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{PREFIX}.{key}={value} must be a finite number.")
    return value


def _check(settings: Settings, typed: set[str], bases: Collection[str]) -> None:
    """Refuse what cannot work together, and settings that would silently do nothing."""
    s = settings
    if s.base in METHODS:
        raise UserError(f"{PREFIX}.base={s.base} cannot be based on itself. Choose one of: {_usable(bases)}.")
    if s.base not in bases:
        raise UserError(f"{PREFIX}.base={s.base} is not registered in verl. Choose one of: {_usable(bases)}.")
    if s.base in UNUSABLE_BASES:
        raise UserError(
            f"base={s.base} needs {UNUSABLE_BASES[s.base]}, which verl's V1 trainer does not fetch. "
            f"Choose one of: {_usable(bases)}."
        )
    if s.diversity == "none":
        return
    limits = {
        "alpha": (s.alpha >= 0, "at least 0"),
        "bandwidth": (s.bandwidth > 0, "above 0"),
        "ngram": (s.ngram >= 1, "at least 1"),
        "rank_penalty": (0 <= s.rank_penalty <= 1, "between 0 and 1"),
        "floor": (0 <= s.floor <= 1, "between 0 and 1"),
        "threshold": (s.threshold is None or -1 <= s.threshold <= 1, "between -1 and 1"),
        "start_timeout": (s.start_timeout > 0, "above 0"),
        "deadline": (s.deadline > 0, "above 0"),
        "actors": (s.actors >= 1, "at least 1"),
        "short_answer_words": (s.short_answer_words >= 0, "at least 0"),
    }
    for key, (holds, range_) in limits.items():
        if not holds:
            raise UserError(f"{PREFIX}.{key}={getattr(s, key)} must be {range_}.")
    if s.diversity == "dpp_quality" and s.alpha == 0:
        raise UserError(f"dpp_quality divides the reward by alpha: +{PREFIX}.alpha must be above 0.")
    if s.scale == "decoupled" and s.combine != "add":
        raise UserError(f"scale=decoupled adds the bonus to the advantage; with combine={s.combine} use scale=raw.")
    if s.gate is not None and s.combine == "only":
        raise UserError("combine=only leaves nothing to responses outside the gate. Drop the gate, or use combine=add.")
    if (s.placement == "http") != bool(s.urls):
        raise UserError(
            f"+{PREFIX}.placement=http and +{PREFIX}.urls=[http://host:port] go together, but placement={s.placement} "
            f"and urls={list(s.urls)}."
        )
    has_models = s.reads in ("embeddings", "classes")
    classifies = s.reads == "classes"
    in_use = {
        "alpha": s.combine != "multiply",
        "floor": s.combine == "multiply",
        "quality_shift": s.combine == "multiply",
        "kernel": s.diversity in ("dpp", "dpp_quality"),
        "bandwidth": s.kernel == "gaussian",
        "embedder": s.reads == "embeddings",
        "classifier": s.diversity == "partition",
        "threshold": s.diversity == "partition",
        "ngram": s.diversity == "ngram",
        "rank_penalty": s.diversity == "likelihood",
        "answer_only": has_models or s.reads == "texts",
        "partition": s.diversity == "partition",
        "both_orders": classifies,
        "short_answer_words": classifies,
        "stream": has_models,
        "placement": has_models,
        "urls": has_models,
        "actors": has_models,
        "start_timeout": has_models,
        "deadline": has_models,
    }
    for key in sorted(typed & in_use.keys()):
        if not in_use[key]:
            raise UserError(
                f"{PREFIX}.{key}={getattr(s, key)} has no effect with diversity={s.diversity}, combine={s.combine}, "
                f"kernel={s.kernel}, classifier={s.classifier}. Leave it out."
            )


def _usable(bases: Collection[str]) -> str:
    return ", ".join(sorted(set(bases) - UNUSABLE_BASES.keys() - METHODS.keys()))
