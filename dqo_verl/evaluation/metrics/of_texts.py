"""Computes the metrics that need only the responses, for one group or for all groups."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.evaluation.metrics.table import METRICS

# Groups per task: small enough for a smooth progress bar, large enough that the cost of starting a task is negligible.
CHUNK = 32


def text_metrics(texts: Sequence[str]) -> dict[str, float]:
    """All metrics of one prompt that need only its responses."""
    return {name: metric.of_texts(texts) for name, metric in METRICS.items() if metric.of_texts}


def _chunk(groups: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    return [text_metrics(texts) for texts in groups]


def text_metrics_of_groups(groups: Sequence[Sequence[str]], workers: int) -> list[dict[str, float]]:
    """`text_metrics` of every group, in several processes if there are enough groups."""
    chunks = [groups[start : start + CHUNK] for start in range(0, len(groups), CHUNK)]
    with tqdm(total=len(groups), desc="lexical", unit="prompt") as bar:
        values: list[dict[str, float]] = []
        if workers < 2 or len(chunks) < 2 * workers:
            for chunk in chunks:
                values += _chunk(chunk)
                bar.update(len(chunk))
        else:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                for done in pool.map(_chunk, chunks):
                    values += done
                    bar.update(len(done))
    return values
