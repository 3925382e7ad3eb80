"""Every metric at a glance: its name in files, what people read, its place in the report. Definitions: docs/metrics.md."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

from dqo_verl.evaluation.metrics.lexical import distinct_n, self_bleu, self_rouge

Kind = Literal["quality", "diversity", "both", "size"]


class Metric(NamedTuple):
    """The places count from 1; 0 means that the metric is not among them."""

    label: str
    kind: Kind
    headline: int = 0
    """Place among those of its kind that answer a reader's first question."""
    chart: int = 0
    """Place among the report's charts."""
    of_texts: Callable[[Sequence[str]], float] | None = None
    """Computes a metric that needs nothing but the responses to one prompt; NaN where it is not defined."""


METRICS = {
    "reward": Metric("Mean reward", "quality", headline=2),
    "pass@1": Metric("pass@1", "quality", headline=1),
    "pass@n": Metric("pass@n", "quality"),
    "best_of_n": Metric("Best-of-n reward", "quality"),
    "classes": Metric("Classes (first member)", "diversity", headline=1, chart=1),
    "classes_connected": Metric("Classes (connected, as with a pair classifier in training)", "diversity"),
    "vendi": Metric("Vendi score", "diversity", headline=2, chart=2),
    "cosine_distance": Metric("Mean cosine distance", "diversity", chart=3),
    "logdet": Metric("log det(L + I)", "diversity"),
    "dqo_bonus": Metric("DQO bonus", "diversity"),
    "judge": Metric("Diversity by judge", "diversity", headline=3, chart=7),
    "self_bleu": Metric("1 - self-BLEU", "diversity", headline=4, chart=4, of_texts=self_bleu),
    "self_rouge": Metric("1 - self-ROUGE-L", "diversity", chart=5, of_texts=self_rouge),
    "distinct_1": Metric("distinct-1", "diversity", of_texts=partial(distinct_n, n=1)),
    "distinct_2": Metric("distinct-2", "diversity", of_texts=partial(distinct_n, n=2)),
    "distinct_4": Metric("distinct-4", "diversity", headline=5, chart=6, of_texts=partial(distinct_n, n=4)),
    "effective_distance": Metric("Effective distance (valid pairs)", "both", chart=8),
    "effective_classes": Metric("Effective classes (valid)", "both"),
    "utility": Metric("NoveltyBench utility", "both"),
    "words": Metric("Words a response", "size", chart=9),
    "cut": Metric("Cut at max_tokens", "size"),
}


def headlines(kind: Kind) -> list[str]:
    """The metrics of a kind that answer a reader's first question, most telling first."""
    chosen = (name for name, metric in METRICS.items() if metric.kind == kind and metric.headline)
    return sorted(chosen, key=lambda name: METRICS[name].headline)


def charted(*kinds: Kind) -> list[str]:
    """The metrics of these kinds that the report draws, most telling first."""
    chosen = (name for name, metric in METRICS.items() if metric.kind in kinds and metric.chart)
    return sorted(chosen, key=lambda name: METRICS[name].chart)
