"""The table of metrics against its documentation and against what is computed from it."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from dqo_verl.evaluation.metrics import table
from dqo_verl.evaluation.metrics.of_texts import text_metrics
from dqo_verl.evaluation.metrics.table import METRICS, Metric, charted, headlines

PAGE = Path(__file__).parents[2] / "docs/metrics.md"


def documented() -> list[str]:
    """The names in the first column of every table whose first column is headed `metric`."""
    names = []
    for below in re.split(r"^\| metric \|.*\n\|[-|]+\n", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        for row in takewhile(lambda line: line.startswith("|"), below.splitlines()):
            names += re.findall(r"`([^`]+)`", row.split("|")[1])
    return names


def test_every_metric_is_documented_once_and_every_documented_metric_exists() -> None:
    assert sorted(documented()) == sorted(METRICS)


def test_no_two_metrics_have_the_same_place() -> None:
    for places in (
        [metric.chart for metric in METRICS.values() if metric.chart],
        *([METRICS[name].headline for name in headlines(kind)] for kind in ("quality", "diversity")),
    ):
        assert len(set(places)) == len(places)


def test_the_most_telling_come_first() -> None:
    assert headlines("quality") == ["pass@1", "reward"]
    assert headlines("diversity")[:2] == ["classes", "vendi"]
    assert charted("both", "size") == ["effective_classes", "effective_distance", "words"]


def test_a_new_metric_of_texts_is_a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = Metric(
        "Longest response", "size", (0.0, None), chart=11, of_texts=lambda texts: float(max(map(len, texts)))
    )
    monkeypatch.setitem(table.METRICS, "longest", longest)
    assert text_metrics(["a", "abc"])["longest"] == 3
    assert charted("size") == ["words", "longest"]
