"""Trained checkpoints behind vLLM's /classify say what they say in process; public names find their tokenizer and threshold."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from dqo_verl.classifier.data import LabelledPair, read_all
from dqo_verl.classifier.train import train
from dqo_verl.models.pair_classifier import KNOWN_THRESHOLDS, KNOWN_TOKENIZERS, PairClassifier
from dqo_verl.models.servers import Endpoint

ANSWERS = [
    "Lisbon. It is warm from March to November, the trams climb the hills, and a custard tart costs little more than a euro.",
    "You could visit Lisbon: mild weather most of the year, old yellow trams, pastel de nata on every corner.",
    "I would go to Kyoto in November.\n\n* The maples turn red around the temples.\n* Trains make day trips to Nara easy.",
    "Cats sleep a lot because hunting costs much energy. A house cat keeps the habit although its bowl is always full.",
    "**Step 1.** Preheat the oven to 200 °C.\n**Step 2.** Toss the carrots in oil, salt and cumin.\n**Step 3.** Roast for 25 minutes.",
    "Roast carrots with cumin: 25 minutes at 200 °C, turned once. " * 12,
    "def area(r):\n    return 3.14159 * r ** 2\n\nCall `area(2)` and you get about 12.57.",
    "Ja, gern! Die Antwort lautet 42 — wie immer. 😀",
]


def real_pairs():
    """Real responses; a file in DQO_VERL_PAIRS (jsonl with human labels) takes their place."""
    if place := os.environ.get("DQO_VERL_PAIRS"):
        return read_all([place])[0][:60]
    found = [(a, b) for i, a in enumerate(ANSWERS) for b in ANSWERS[i + 1 :]]
    return [LabelledPair(f"p{i}", a, b, int(i in (0, 22))) for i, (a, b) in enumerate(found)]


@pytest.fixture(scope="module")
def checkpoints(tiny_modernbert, tmp_path_factory):
    """The packaged MiniLM, hardly trained, and a small ModernBERT; both by `classifier train`."""
    from transformers import ModernBertModel

    from dqo_verl.classifier.settings import TrainSettings

    directory = tmp_path_factory.mktemp("served")
    modernbert = tiny_modernbert(ModernBertModel, 128)
    small = {"steps": 2, "batch": 4, "micro_batch": 4, "warmup": 1, "dropout": 0.0, "precision": "no"}
    found = {}
    for name, backbone, tokens in (("minilm", "all-MiniLM-L6-v2", 254), ("modernbert", str(modernbert), 30)):
        settings = TrainSettings(backbone=backbone, tokens=tokens, lr=1e-3, **small)
        found[name] = train(real_pairs(), settings, directory / name, 100, name)
    return found


def test_vllm_scores_like_the_process(checkpoints, serve_vllm):
    pairs = [(pair.a, pair.b) for pair in real_pairs()]
    urls, too_long = serve_vllm({str(path): path for path in checkpoints.values()}), set()
    for checkpoint, url in zip(checkpoints.values(), urls, strict=True):
        local = PairClassifier(str(checkpoint))
        remote = PairClassifier(str(checkpoint), servers=Endpoint([url], 120.0))
        expected, cut = local.probabilities(pairs)
        found, cut_too = remote.probabilities(pairs)
        print(f"{checkpoint}: {len(pairs)} pairs, largest gap {np.abs(np.subtract(found, expected)).max():.1e}")
        # scores that hardly differ would agree within 1e-3 whatever was sent
        np.testing.assert_allclose(found, expected, rtol=0, atol=min(1e-3, np.ptp(expected) / 20))
        assert cut == cut_too
        too_long |= cut
        assert local.threshold == remote.threshold
    assert too_long, "texts beyond the budget belong to the test"


LOOK_UP = """
import json, sys
from dqo_verl.core.settings import parse
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.models.hub import check
check(parse({"method": "darling", "classifier": sys.argv[1]}).source)
classifier = PairClassifier(sys.argv[1])
print(json.dumps([classifier.threshold, classifier.probabilities([("one", "two")])[0]]))
"""


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "threshold"), KNOWN_THRESHOLDS.items())
def test_public_checkpoints_go_by_name(name, threshold, pair_classifier, tmp_path):
    """The hub's cache holds a stand-in under the public name, without a tokenizer where the real one has none."""
    commit = "0" * 40
    for repository in {name, KNOWN_TOKENIZERS.get(name, name)}:
        home = tmp_path / f"models--{repository.replace('/', '--')}"
        shutil.copytree(pair_classifier, home / "snapshots" / commit)
        (home / "refs").mkdir()
        (home / "refs/main").write_text(commit)
        if repository in KNOWN_TOKENIZERS:
            for file in (home / "snapshots" / commit).glob("tokenizer*"):
                file.unlink()
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", LOOK_UP, name], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found, (probability,) = json.loads(done.stdout.splitlines()[-1])
    assert found == threshold == {"similarity": 0.32, "qwen3": 0.5, "deberta": 0.102}[name.split("/")[1].split("-")[0]]
    assert 0 < probability < 1
