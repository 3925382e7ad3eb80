"""All metrics in one table: name in files, label for people, place in the report. Definitions: docs/metrics.md."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

from dqo_verl.evaluation.metrics.lexical import distinct_n, self_bleu, self_rouge

Kind = Literal["quality", "diversity", "both", "size"]


# The ends of a metric's natural range; None: no end on that side. "n": the number of responses.
End = float | Literal["n"] | None
SHARE: tuple[End, End] = (0.0, 1.0)
COUNT: tuple[End, End] = (0.0, "n")
FROM_0: tuple[End, End] = (0.0, None)


class Metric(NamedTuple):
    """A metric. Places count from 1; 0 means that the metric has no such place."""

    label: str
    kind: Kind
    range: tuple[End, End]
    """The ends of an axis that shows the whole range."""
    headline: int = 0
    """Place among the metrics of its kind that a reader looks at first."""
    chart: int = 0
    """Place among the report's charts."""
    of_texts: Callable[[Sequence[str]], float] | None = None
    """Computes a metric that needs only the responses to one prompt; NaN if it is not defined for them."""


METRICS = {
    "reward": Metric("Mean reward", "quality", (None, None), headline=2),
    "pass@1": Metric("pass@1", "quality", SHARE, headline=1),
    "pass@n": Metric("pass@n", "quality", SHARE),
    "best_of_n": Metric("Best-of-n reward", "quality", (None, None)),
    "effective_classes": Metric("Distinct correct answers", "both", COUNT, headline=1, chart=1),
    "effective_distance": Metric("Cosine distance of correct answers", "both", FROM_0, chart=9),
    "utility": Metric("NoveltyBench utility", "both", FROM_0),
    "classes": Metric("Distinct answers", "diversity", COUNT, headline=1, chart=2),
    "classes_connected": Metric("Distinct answers, by connected components", "diversity", COUNT),
    "vendi": Metric("Vendi score", "diversity", COUNT, headline=2, chart=3),
    "cosine_distance": Metric("Mean cosine distance", "diversity", FROM_0, chart=4),
    "logdet": Metric("log det(L + I)", "diversity", FROM_0),
    "dqo_bonus": Metric("DQO bonus", "diversity", FROM_0),
    "judge": Metric("Diversity by judge", "diversity", SHARE, headline=3, chart=8),
    "self_bleu": Metric("1 - self-BLEU", "diversity", SHARE, headline=4, chart=5, of_texts=self_bleu),
    "self_rouge": Metric("1 - self-ROUGE-L", "diversity", SHARE, chart=6, of_texts=self_rouge),
    "distinct_1": Metric("distinct-1", "diversity", SHARE, of_texts=partial(distinct_n, n=1)),
    "distinct_2": Metric("distinct-2", "diversity", SHARE, of_texts=partial(distinct_n, n=2)),
    "distinct_4": Metric("distinct-4", "diversity", SHARE, headline=5, chart=7, of_texts=partial(distinct_n, n=4)),
    "words": Metric("Words per response", "size", FROM_0, chart=10),
    "cut": Metric("Share cut at max_tokens", "size", SHARE),
}


def natural_range(metric: str, n: int) -> tuple[float | None, float | None]:
    """The natural range of a metric of n responses to a prompt."""
    low, high = (n if end == "n" else end for end in METRICS[metric].range)
    return low, high


def headlines(kind: Kind) -> list[str]:
    """The metrics of a kind that a reader looks at first, most important first."""
    chosen = (name for name, metric in METRICS.items() if metric.kind == kind and metric.headline)
    return sorted(chosen, key=lambda name: METRICS[name].headline)


def charted(*kinds: Kind) -> list[str]:
    """The metrics of these kinds that the report draws, most important first."""
    chosen = (name for name, metric in METRICS.items() if metric.kind in kinds and metric.chart)
    return sorted(chosen, key=lambda name: METRICS[name].chart)
