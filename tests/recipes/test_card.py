"""A model card is made of a run's settings, its evaluation and the comparison, and a hub can read it."""

import json

import pytest
from huggingface_hub import ModelCard
from omegaconf import OmegaConf

from dqo_verl.cli import parse
from dqo_verl.provenance import provenance
from recipes.card import card
from tests.composing import compose_as_typed


def trained(folder, method):
    """A run's folder after training and evaluation; only the policy's weights are missing."""
    base = ["actor_rollout_ref.model.path=me/base-1B", "data.train_files=[/data/gsm8k/train.parquet]", "data.seed=3"]
    (folder / "hydra/.hydra").mkdir(parents=True)
    OmegaConf.save(
        compose_as_typed([*base, f"algorithm.adv_estimator={method}", "actor_rollout_ref.rollout.n=8"]),
        folder / "hydra/.hydra/config.yaml",
    )
    (folder / "command.sh").write_text(f"python -m verl.trainer.main_ppo algorithm.adv_estimator={method}\n")
    answers = {"grpo": ["4", "4", "4", "5"], "dqo": ["4", "four", "iv", "5"]}[method]
    rows = [
        {"prompt": f"2 + 2, time {i}", "responses": answers, "scores": [1.0, 1.0, 1.0, 0.0], "temperature": 1.0}
        for i in range(40)
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"settings": {"top_p": 1.0, "max_tokens": 1024}, "provenance": provenance()}
    (folder / "test.meta.json").write_text(json.dumps(settings))
    parse(["evaluate", str(folder / "test.jsonl"), "--embedder", "none"]).run()
    return folder


@pytest.fixture
def runs(tmp_path):
    found = {method: trained(tmp_path / f"{method}-s3", method) for method in ("grpo", "dqo")}
    evaluated = [f"{method}={run / 'test.evaluation'}" for method, run in found.items()]
    parse(["report", *evaluated, "--out", str(tmp_path / "report")]).run()
    return found


def test_it_says_what_was_trained_and_what_came_of_it(runs, tmp_path):
    made = card(runs["dqo"], "dqo", tmp_path / "report", str(tmp_path / "checkpoints/global_step_870/actor/merged"))
    made.save(tmp_path / "README.md")
    read = ModelCard.load(tmp_path / "README.md")
    assert read.data.base_model == "me/base-1B"
    assert {"dqo", "dqo_verl"} <= set(read.data.tags)
    assert {(one.metric_type, one.metric_value) for one in read.data.eval_results} >= {("pass@1", 0.75)}
    assert "# base-1B-gsm8k-dqo-s3" in read.text
    assert "trained for 870 steps on `gsm8k`" in read.text
    assert "dqo against grpo: 3.0 times the distinct correct answers; no clear difference in pass@1." in read.text
    assert "python -m verl.trainer.main_ppo algorithm.adv_estimator=dqo" in read.text
    assert "8 responses to each prompt and seed 3" in read.text
    assert "temperature 1.0 (top_p 1.0, max_tokens 1024)" in read.text


def test_the_run_that_the_others_are_compared_with(runs, tmp_path):
    text = card(runs["grpo"], "grpo", tmp_path / "report", str(tmp_path / "global_step_2/actor")).text
    assert "The other methods were compared with this one." in text


def test_a_policy_of_this_disk_is_no_model_of_a_hub(runs, tmp_path):
    settings = runs["dqo"] / "hydra/.hydra/config.yaml"
    settings.write_text(settings.read_text().replace("me/base-1B", str(tmp_path)))
    made = card(runs["dqo"], "dqo", tmp_path / "report", str(tmp_path / "global_step_2/actor"))
    assert made.data.to_dict().get("base_model") is None
    assert "https://huggingface.co" not in made.text
