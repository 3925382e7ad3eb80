"""Each snippet of the entries for TRL's paper index builds a real trainer."""

import re
from pathlib import Path

import pytest

pytest.importorskip("trl")
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "upstream/trl/paper_index.md").read_text()
ENTRIES = re.findall(r"^### (.*?)\n\n\*\*📜 Paper\*\*: (\S+)\n\n.*?```python\n(.*?)```", TEXT, re.M | re.S)
# paper -> measure, responses per prompt
SETTINGS = {"2509.04784": ("dpp", 4), "2509.02534": ("partition", 8)}


def test_there_is_an_entry_for_each_paper():
    assert [paper.rsplit("/", 1)[1] for _, paper, _ in ENTRIES] == list(SETTINGS)


@pytest.mark.parametrize(("title", "paper", "code"), ENTRIES, ids=[paper for _, paper, _ in ENTRIES])
def test_a_snippet_builds_a_trainer(title, paper, code, policy_and_embedder, pair_classifier, monkeypatch, tmp_path):
    import datasets

    policy, embedder = policy_and_embedder
    monkeypatch.chdir(tmp_path)
    given = {
        "model": str(policy),
        "reward_funcs": lambda completions, **_: [0.0] * len(completions),
        "train_dataset": datasets.Dataset.from_list([{"prompt": "name a fruit:"}] * 8),
    }
    runnable = (
        code.replace("    ...,\n", "    **given,\n")
        .replace("GRPOConfig(\n", "GRPOConfig(\n    use_cpu=True, bf16=False,\n")
        .replace('"path/to/classifier"', repr(str(pair_classifier)))
        .replace('Diversity("dqo", ', f'Diversity("dqo", embedder={str(embedder)!r}, ')
    )
    names = {"given": given}
    exec(compile(runnable, title, "exec"), names)
    trainer = names["trainer"]
    assert (trainer.diversity.measure.name, trainer.num_generations) == SETTINGS[paper.rsplit("/", 1)[1]]
    assert trainer.reward_func_names[-1] == "diversity"
