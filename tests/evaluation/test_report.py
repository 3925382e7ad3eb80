"""The report from real files: verl's own file logger, tensorboard, evaluations, hydra settings; seen by Chromium."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqo_verl.cli import parse
from dqo_verl.errors import UserError
from dqo_verl.evaluation.report.charts import Chart, Point, Series, difference_bar, pareto_front, svg, ticks
from dqo_verl.evaluation.report.comparison import Cell, compare, difference, headline, in_words
from dqo_verl.evaluation.report.runs import Run, Slice, benchmarks, differing_settings, load_run
from dqo_verl.evaluation.report.samples import class_names, most_different, side_by_side
from dqo_verl.evaluation.report.seeds import by_moment, one_run, one_slice, student, welch
from dqo_verl.evaluation.report.tables import as_csv, as_latex, markdown, number, with_interval


def part(rewards: dict[str, float], temperature: float | None = 1.0, step: int | None = None) -> Slice:
    prompts = {i: {"values": {"reward": value}} for i, value in rewards.items()}
    mean = float(np.mean(list(rewards.values())))
    summary = {
        "temperature": temperature,
        "step": step,
        "metrics": {"reward": [mean, None, None]},
        "curves": {},
        "n": 1,
    }
    return Slice(summary, prompts, "x.evaluation", {})


def test_a_difference_in_words() -> None:
    table = {
        "pass@1": [Cell((0.5, 0.4, 0.6)), Cell((0.45, 0.35, 0.55), (-0.05, -0.1, 0.01), 0.5)],
        "classes": [Cell((2, 1, 3)), Cell((6, 5, 7), (4, 3, 5), 2.0)],
        "effective_classes": [Cell((1, 1, 1)), Cell((2.5, 2, 3), (1.5, 1, 2), 1.0)],
    }
    told = "dqo against grpo: 2.5 times the distinct correct answers; no clear difference in pass@1."
    assert in_words(table, 1, "dqo", "grpo") == told
    del table["effective_classes"]
    table["pass@1"][1].difference = (-0.05, -0.1, -0.01)
    told = "dqo against grpo: 3.0 times the distinct answers; pass@1 0.05 lower."
    assert in_words(table, 1, "dqo", "grpo") == told
    table["classes"][1] = Cell((1, 1, 1), (-1, -2, -0.5), 2.0)
    assert "only 50% of the distinct answers" in in_words(table, 1, "dqo", "grpo")
    # nothing to divide by: the difference itself
    table["classes"] = [Cell((0, 0, 0)), Cell((2, 1, 3), (2, 1, 3), 0.0)]
    assert "distinct answers 2 higher" in in_words(table, 1, "dqo", "grpo")


def test_intervals_over_seeds_are_students_and_welchs() -> None:
    rng = np.random.default_rng(0)
    a, b = list(rng.normal(0, 1, 5)), list(rng.normal(1, 3, 8))
    expected = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    assert student(a)[1:] == pytest.approx(expected)
    gap = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert welch(a, b)[1:] == pytest.approx(gap)
    assert student([0.99, 1.0, 0.95], 0.0, 1.0)[2] == 1.0, "a probability is at most 1"
    assert student([0.5]) == (0.5, None, None)
    assert welch([0.5], a)[1:] == (None, None)
    assert welch([1.0, 1.0], [0.5, 0.5]) == (0.5, 0.5, 0.5)


def test_several_seeds_are_one_run() -> None:
    """Means and intervals over seeds; the samples are the first one's; only what all logged is drawn."""
    slices = [part({"a": x, "b": x + 1}, step=10) for x in (0.0, 1.0, 2.0)]
    members = [
        Run("dqo", Path("."), curves={"r": {1: float(i), 2: float(i)} | ({3: 9.0} if i else {})}, slices=[one])
        for i, one in enumerate(slices)
    ]
    run = one_run(members)
    assert run.seeds == 3
    assert run.curves["r"] == {1: 1.0, 2: 1.0}
    assert run.spread["r"] == {1: (0.0, 2.0), 2: (0.0, 2.0)}
    merged = one_slice(run.slices)
    assert merged.summary["metrics"]["reward"] == pytest.approx(list(student([0.5, 1.5, 2.5])))
    assert merged.prompts is slices[0].prompts
    found, base = difference(merged, one_slice(slices[:2]), "reward")
    assert (found, base) == (pytest.approx(welch([0.5, 1.5, 2.5], [0.5, 1.5])), 1.0)
    assert difference(merged, slices[0], "reward")[0][1] is None, "one seed has no interval over seeds"


def test_two_evaluations_of_one_seed_are_not_two_seeds() -> None:
    old, new, other = part({"a": 1.0}, step=10), part({"a": 2.0}, step=10), part({"a": 3.0}, step=10)
    old.written, new.written = 1.0, 2.0
    (kept,) = by_moment([new, old])
    assert kept is new
    run = one_run([Run("dqo", Path("."), slices=[new, old]), Run("dqo", Path("."), slices=[other])])
    (both,) = by_moment(run.slices)
    assert [one.mean("reward") for one in both.seeds] == [2.0, 3.0]


def test_the_step_that_most_seeds_have_is_compared() -> None:
    first, late = part({"a": 1.0}, step=60), part({"a": 2.0}, step=80)
    both = one_slice([first, part({"a": 3.0}, step=60)])
    (chosen,) = headline([[both, late]])
    assert chosen is both


def test_a_map_has_one_scale_for_all_runs() -> None:
    """Runs whose responses are equal share a place; distances are those in the plane of the two components."""

    def row(vectors: list[list[float]] | None) -> dict[str, Any]:
        found: dict[str, Any] = {"prompt": "p", "responses": ["x", "y"], "scores": [0, 1], "good": None}
        found |= {"classes": [0, 1], "values": {"classes": 2.0}}
        return found | ({"vectors": vectors} if vectors else {})

    def slices(*vectors: list[list[float]] | None) -> list[Slice | None]:
        return [Slice({}, {"i": row(one)}, "s", {}) for one in vectors]

    (found,) = side_by_side(slices([[0, 0, 0], [4, 0, 0]], [[0, 0, 0], [0, 2, 0]]), ["i"])
    (a, b), (c, d) = (column["map"] for column in found["columns"])
    assert a[:2] == pytest.approx(c[:2])
    far, near = np.hypot(a[0] - b[0], a[1] - b[1]), np.hypot(c[0] - d[0], c[1] - d[1])
    assert far / near == pytest.approx(2)
    (found,) = side_by_side(slices([[0, 0, 0], [4, 0, 0]], None), ["i"])
    assert [column["map"] for column in found["columns"]] == [[], []]
    (found,) = side_by_side(slices([[1, 1, 1], [1, 1, 1]]), ["i"])
    assert found["columns"][0]["map"] == [(75, 75, 0), (75, 75, 1)], "all alike"


def test_prompts_that_differ_most_come_first() -> None:
    one, two = part({"a": 1, "b": 1, "c": 1, "only": 1}), part({"a": 1, "b": 3, "c": 2})
    assert most_different([one, two], "reward", 5) == ["b", "c"]
    assert most_different([one, None], "reward", 5) == []


def test_tables_to_copy() -> None:
    assert as_csv(["a,b"], [["1"]]) == '"a,b"\n1\n'
    latex = as_latex(["x_1", "y"], [["50% & more", "\N{MINUS SIGN}1"]])
    assert "x\\_1 & y \\\\" in latex
    assert "50\\% \\& more & $-$1 \\\\" in latex


def test_differences_are_paired_by_prompt() -> None:
    """Prompts differ by 100, runs by 1: only pairing can see it. A prompt that one run lacks is left out."""
    base = {str(i): 100.0 * i for i in range(20)}
    better = {i: value + 1 + 0.1 * (int(i) % 3) for i, value in base.items()} | {"extra": 1e6}
    (mean, low, high), of_base = difference(part(better), part(base), "reward")
    assert of_base == pytest.approx(np.mean(list(base.values())))
    assert mean == pytest.approx(np.mean([1 + 0.1 * (i % 3) for i in range(20)]))
    assert low is not None
    assert high is not None
    assert 1.0 < low < mean < high < 1.2
    cells = compare([part(base), part(better)], 0)["reward"]
    assert (cells[0].verdict, cells[1].verdict) == ("", "higher")
    told = in_words({"reward": cells}, 1, "better", "base")
    assert told == "better against base: mean reward 1.1 higher.", "not by the prompt that only one of them has"
    assert Cell((0, 0, 0), (0.1, -0.1, 0.2)).verdict == "no clear difference"
    assert Cell((0, 0, 0), (-1.0, -2.0, -0.5)).verdict == "lower"


@pytest.mark.parametrize("prompts", [2, 3, 5, 8])
def test_few_prompts_rarely_make_a_difference_of_nothing(prompts: int) -> None:
    """The percentile bootstrap of two prompts excludes 0 in half of all cases."""
    rng = np.random.default_rng(prompts)
    base = part(dict.fromkeys(map(str, range(prompts)), 0.0))
    verdicts = 0
    for _ in range(400):
        own = part({str(i): float(value) for i, value in enumerate(rng.normal(0, 1, prompts))})
        verdicts += compare([base, own], 0)["reward"][1].verdict != "no clear difference"
    assert verdicts / 400 < 0.08


def test_headline_takes_the_last_step_at_the_common_temperature() -> None:
    one = [part({"a": 1}, t, s) for t, s in ((0.6, 10), (1.0, 10), (0.6, 20))]
    two = [part({"a": 1}, t, None) for t in (0.6, 1.3)]
    assert [(s.temperature, s.step) for s in headline([one, two]) if s] == [(0.6, 20), (0.6, None)]
    assert headline([one, []])[1] is None
    with pytest.raises(UserError, match=r"no temperature in common \(1.0; 0.6\)"):
        headline([[part({"a": 1}, 1.0)], [part({"a": 1}, 0.6)]])


def test_classes_are_named_by_size() -> None:
    assert class_names([0, 1, 1, 2, 0, 1]) == ["B", "A", "A", "C", "B", "A"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.31, 0.32), (-5, 1234), (3, 3), (0, 0), (1e-7, 2e-7)])
def test_ticks_cover_the_data(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-12
    assert found[-1] >= high - 1e-12
    assert 2 <= len(found) <= 8


ANY = st.one_of(
    st.sampled_from([0.0, -0.0, 1e-16, -2.2e-16, 1.0, 1.0 + 2.2e-16, 0.0220931375822, 0.0220931375822 + 3e-16]),
    st.floats(-1e16, 1e16),
    st.sampled_from([float("nan"), float("inf")]),
)


@given(values=st.lists(st.tuples(ANY, ANY), max_size=5), front=st.booleans())
def test_any_values_can_be_drawn(values: list[tuple[float, float]], front: bool) -> None:
    """A collapsed run is constant but for rounding: the run that this package is about."""
    drawn = svg(Chart("a", "x", "y", [Series("run", 0, [Point(x, y) for x, y in values])], front=front))
    assert "nan" not in drawn.lower().replace("nano", "")
    assert "inf" not in drawn.lower()
    places = [float(place) for place in re.findall(r'c[xy]="(-?[\d.]+)"', drawn)]
    assert all(-1 <= place <= 381 for place in places)


@given(low=st.floats(-1e12, 1e12), width=st.sampled_from([0.0, 1e-16, 1e-12, 9e-10]))
def test_what_cannot_be_told_apart_has_an_axis_all_the_same(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert found[0] < found[-1]
    assert found[0] <= low
    assert low + width <= found[-1]


def test_logarithmic_axes_of_one_value() -> None:
    assert "<svg" in svg(Chart("a", "k", "y", [Series("run", 0, [Point(4, 0.5)])], log_x=True))


def test_a_table_holds_one_cell_of_any_text() -> None:
    lines = markdown(["run"], [["<script>alert(1)</script>\n| x"]]).splitlines()
    assert len(lines) == 3
    assert "<script" not in lines[2]
    assert lines[2].count("|") - lines[2].count("\\|") == 2


def test_pareto_front_by_hand() -> None:
    points = [Point(1, 5), Point(2, 4), Point(1.5, 4), Point(3, 1), Point(2, 3)]
    assert [(p.x, p.y) for p in pareto_front(points)] == [(3, 1), (2, 4), (1, 5)]


def test_chart_places_points_and_escapes_names() -> None:
    drawn = svg(Chart("a<b", "k", series=[Series("<run>", 0, [Point(0, 0), Point(10, 1)])]))
    HTMLParser().feed(drawn)
    assert 'points="46.0,216.0 368.0,12.0"' in drawn  # corners of the plot area
    assert "<run>" not in drawn
    assert "a&lt;b" in drawn
    svg(Chart("one point", "x", series=[Series("r", 1, [Point(2, 2)])]))
    assert difference_bar((None, None, None), 1.0, 0) == ""


def test_numbers_as_text() -> None:
    assert [number(x) for x in (0.12345, 12.34, 12345.6, None)] == ["0.123", "12.3", "12346", "\N{EN DASH}"]
    assert number(-0.00001) == "0.000"
    assert number(-1.5) == "\N{MINUS SIGN}1.500"
    assert with_interval((1, 0.5, 1.5), signed=True) == "+1.000 [+0.500, +1.500]"
    assert markdown(["a|b"], [["c"]]).splitlines()[0] == "| a\\|b |"


def test_file_log_with_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 1, "data": {"a": 1}}\n{"step": 2, "da\n')
    with pytest.raises(UserError, match=r"log\.jsonl:2"):
        load_run(str(tmp_path))


def test_the_line_at_which_a_run_was_stopped_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics-1.jsonl").write_text('{"step": 1, "data": {"a": 1}}\n{"step": 2, "da')
    (tmp_path / "metrics-2.jsonl").write_text('{"step": 2, "data": {"a": 3}}\n')
    assert load_run(str(tmp_path)).curves == {"a": {1: 1.0, 2: 3.0}}


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="contains neither a log of verl"):
        load_run(str(tmp_path))


def test_verls_own_loggers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = pytest.importorskip("verl.utils.tracking", reason="verl is not installed")
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "file" / "log.jsonl"))
    monkeypatch.setenv("TENSORBOARD_DIR", str(tmp_path / "board"))
    (tmp_path / "file").mkdir()
    logger = tracking.Tracking("project", "run", ["file", "tensorboard"])
    for step in (1, 2, 3):
        logger.log({"critic/score/mean": step / 4, "actor/entropy": np.float64(2.0)}, step)
    logger.finish()
    expected = {"critic/score/mean": {1: 0.25, 2: 0.5, 3: 0.75}, "actor/entropy": {1: 2.0, 2: 2.0, 3: 2.0}}
    assert dict(load_run(str(tmp_path / "file")).curves) == expected
    assert dict(load_run(str(tmp_path / "board")).curves) == expected


def make_run(folder: Path, name: str, spread: int) -> Path:
    """A run with a log, settings and an evaluation at two temperatures; `spread` different answers a prompt."""
    run = folder / name
    (run / ".hydra").mkdir(parents=True)
    method = "dqo" if spread > 1 else "grpo"
    (run / ".hydra" / "config.yaml").write_text(f"algorithm:\n  adv_estimator: {method}\n  gamma: 1.0\n")
    (run / "provenance.json").write_text(
        json.dumps(
            {"commit": "abc123", "versions": {"verl": "0.9.1"}, "machine": "m", "date": "2026-01-01", "command": "c"}
        )
    )
    with (run / "log.jsonl").open("w") as file:
        for step in range(60):
            data = {"critic/score/mean": step / 60, "actor/entropy": 1 / (1 + step), "response_length/mean": 50 + step}
            file.write(json.dumps({"step": step, "data": data | {"val-core/x/acc/mean@4": step / 60}}) + "\n")
    rows = [
        {
            "prompt": f"Prompt {i} <script>alert(1)</script>",
            "responses": [f"answer {(i + j) % spread} & more words to tell" for j in range(4)],
            "scores": [float((i + j) % 2) for j in range(4)],
            "temperature": temperature,
        }
        for temperature in (0.5, 1.0)
        for i in range(12)
    ]
    (run / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parse(["evaluate", str(run / "answers.jsonl"), "--embedder", "none"]).run()
    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    runs = [str(make_run(folder, name, spread)) for name, spread in (("grpo", 1), ("dqo", 3))]
    parse(["report", *runs, f"third={folder / 'dqo' / 'log.jsonl'}", "--out", str(folder / "report")]).run()
    return folder / "report"


class Page(HTMLParser):
    """What a browser would load or run, the headings, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_is_self_contained_and_complete(report: Path) -> None:
    source = (report / "index.html").read_text()
    page = Page()
    page.feed(source)
    text = " ".join(" ".join(page.text).split())
    assert "script" not in page.count  # not ours, and none from a prompt
    assert all(link.startswith("#") for link in page.links)
    assert "url(" not in source
    assert "@import" not in source
    assert "dqo against grpo: 3.0 times the distinct answers" in text or "distinct correct answers" in text
    assert text.index("side by side") < text.index("In numbers"), "answers come before numbers"
    for heading in ("Quality and diversity, temperatures", "Quality with more attempts", "side by side", "Training"):
        assert heading in text
    for content in (
        "algorithm.adv_estimator",
        "abc123",
        "third",
        "12 prompts shared",
        "Entropy of the policy: actor/entropy",
    ):
        assert content in text
    assert "algorithm.gamma" not in text  # the same in both runs
    assert text.count("different in 4 responses") >= 12
    assert "higher" in text


def test_markdown_table(report: Path) -> None:
    table = (report / "report.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith("| Distinct answers "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "1.000 [1.000, 1.000]"
    assert cells[2].startswith("3.000")
    assert re.fullmatch(r"\+2\.000 \[.*\] higher", cells[3])
    assert "| algorithm.adv_estimator |" in table


def test_names_and_baseline(report: Path, tmp_path: Path) -> None:
    run = report.parent / "grpo"
    with pytest.raises(UserError, match="same name"):
        parse(["report", str(run), str(run), "--out", str(tmp_path)]).run()
    parse(["report", f"a={run}", f"a={run}", "--out", str(tmp_path)]).run()
    assert "2 seeds" in (tmp_path / "index.html").read_text()
    with pytest.raises(UserError, match="not one of the runs: grpo"):
        parse(["report", str(run), "--baseline", "x", "--out", str(tmp_path)]).run()


def test_a_summary_for_programs(report: Path) -> None:
    (one,) = json.loads((report / "summary.json").read_text())["comparisons"]
    assert one["baseline"] == "grpo"
    assert one["metrics"]["classes"]["dqo"]["verdict"] == "higher"
    assert one["metrics"]["classes"]["grpo"]["difference"] is None
    low, mean, high = (one["metrics"]["classes"]["dqo"]["difference"][i] for i in (1, 0, 2))
    assert low <= mean <= high
    assert any("times the distinct" in told for told in one["in_words"])


def test_a_lone_run_is_compared_with_its_first_step(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"p{i}", "responses": [f"a{(i * j) % wide}" for j in range(4)], "scores": [0, 1, 1, 0], "step": step}
        for step, wide in ((0, 4), (10, 1))
        for i in range(1, 6)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parse(["evaluate", str(tmp_path / "a.jsonl"), "--embedder", "none", "--workers", "1"]).run()
    parse(["report", str(tmp_path), "--out", str(tmp_path / "report")]).run()
    (one,) = json.loads((tmp_path / "report/summary.json").read_text())["comparisons"]
    assert one["baseline"] == "first step"
    assert one["metrics"]["classes"]["last step"]["value"][0] == 1
    assert one["in_words"][0].startswith("last step against first step: ")


def test_runs_that_cannot_be_compared_are_refused(report: Path, tmp_path: Path) -> None:
    """Another n, another classifier: a difference between such numbers means nothing."""
    source = (report.parent / "dqo" / "answers.jsonl").read_text()
    for name, arguments in (("n", ["--embedder", "none"]), ("patience", ["--embedder", "none", "--patience", "0.5"])):
        run = tmp_path / name
        run.mkdir()
        rows = [json.loads(line) for line in source.splitlines()]
        for row in rows:
            row["responses"], row["scores"] = (row[key][: 3 if name == "n" else 4] for key in ("responses", "scores"))
        (run / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        parse(["evaluate", str(run / "a.jsonl"), *arguments]).run()
        with pytest.raises(UserError, match=rf"{name} is .* cannot be compared"):
            parse(["report", str(report.parent / "grpo"), str(run), "--out", str(tmp_path / "report")]).run()


@pytest.mark.parametrize("options", [{"short_answer_words": 5}, {"both_orders": True}, None])
def test_classes_decided_in_another_way_are_not_compared(
    options: dict[str, Any] | None, report: Path, tmp_path: Path
) -> None:
    """None: an evaluation from before these options, when the rule for five words always held."""
    changed = tmp_path / "changed"
    shutil.copytree(report.parent / "dqo", changed)
    (file,) = changed.rglob("metrics.json")
    found = json.loads(file.read_text())
    if options is None:
        del found["options"]["short_answer_words"], found["options"]["both_orders"]
    found["options"] |= options or {}
    file.write_text(json.dumps(found))
    with pytest.raises(UserError, match=r"(short_answer_words|both_orders) is .* cannot be compared"):
        parse(["report", str(report.parent / "grpo"), str(changed), "--out", str(tmp_path / "report")]).run()


@pytest.mark.parametrize("differs", ["max_tokens", "top_p", "score_with"])
def test_runs_sampled_or_scored_in_another_way_are_refused(differs: str, tmp_path: Path) -> None:
    (tmp_path / "rewards.py").write_text("def one(**_):\n    return 1.0\n\n\ndef two(**_):\n    return 2.0\n")
    for name, value in (("a", 1), ("b", 2)):
        file = tmp_path / name / "r.jsonl"
        file.parent.mkdir()
        file.write_text(json.dumps({"prompt": "p", "responses": ["x", "y"], "ground_truth": "x"}) + "\n")
        settings = {"max_tokens": 1, "top_p": 1, "min_p": 0, "chat_template_kwargs": None}
        settings |= {differs: value} if differs in settings else {}
        file.with_suffix(".meta.json").write_text(json.dumps({"settings": settings, "provenance": {}}))
        function = "two" if (differs, name) == ("score_with", "b") else "one"
        parse(["evaluate", str(file), "--embedder", "none", "--score-with", f"{tmp_path}/rewards.py:{function}"]).run()
    with pytest.raises(UserError, match=rf"{differs} is .* cannot be compared"):
        parse(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "report")]).run()


def test_settings_and_benchmarks(report: Path) -> None:
    runs = [load_run(str(report.parent / name)) for name in ("grpo", "dqo")]
    assert differing_settings(runs) == [("algorithm.adv_estimator", ["grpo", "dqo"])]
    (one,) = benchmarks(runs)
    assert [[s.temperature for s in parts] for parts in one] == [[0.5, 1.0], [0.5, 1.0]]


def chromium(folder: Path, *arguments: str) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    quiet = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars"
    quiet += " --disable-component-update --disable-sync"
    command = [browser, *quiet.split(), f"--user-data-dir={folder / 'profile'}", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=os.environ | {"HOME": str(folder)})


def screenshot(page: Path, folder: Path, width: int, *flags: str) -> Any:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    target = folder / f"{width}.png"
    chromium(folder, f"--window-size={width},1600", f"--screenshot={target}", *flags, page.as_uri())
    return np.asarray(image.open(target).convert("RGB")).astype(int)


def test_screenshots(report: Path, tmp_path: Path) -> None:
    """Desktop, phone, dark: drawn, in the colours of the runs, nothing wider than a phone."""
    page = report / "index.html"
    desktop = screenshot(page, tmp_path, 1280)
    for colour in ((0, 114, 178), (213, 94, 0)):  # blue and vermilion: marks of the first two runs
        assert (np.abs(desktop - colour).max(axis=-1) < 3).sum() > 50
    assert desktop[2, 2].min() > 240
    dark = screenshot(page, tmp_path, 1280, "--blink-settings=preferredColorScheme=0")
    assert dark[2, 2].max() < 40
    assert (dark.max(axis=-1) > 200).sum() > 500  # text in light ink
    phone = screenshot(page, tmp_path, 390)
    assert phone.shape[1] == 390
    assert (phone[:, -3:] == phone[2, 2]).all()  # the margin is empty: nothing sticks out


def test_it_prints(report: Path, tmp_path: Path) -> None:
    """Pages of paper, with their text; folded parts stay folded."""
    printed = tmp_path / "report.pdf"
    chromium(tmp_path, f"--print-to-pdf={printed}", (report / "index.html").as_uri())
    assert printed.read_bytes().startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 8
