"""Training for real: resumed, shared by processes and micro-batches, exported; small backbones."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dqo_verl.classifier.folds import out_of_fold
from dqo_verl.classifier.score import score
from dqo_verl.classifier.train import Trainer, train
from dqo_verl.cli import parse
from dqo_verl.errors import UserError


def weights(checkpoint):
    return load_file(checkpoint / "model.safetensors")


def largest_gap(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.mark.parametrize("name", ["backbone", "decoder"])
def test_learns_what_the_pairs_say(name, request, settings, labelled, tmp_path):
    chosen = settings(backbone=str(request.getfixturevalue(name)), steps=40, batch=16, micro_batch=16, lr=3e-3)
    checkpoint = train(labelled[:45], chosen, tmp_path, 100, "test")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    scored = score(str(checkpoint), labelled[45:])
    similar = np.array([pair.similar for pair in labelled[45:]]) == 1
    assert scored.both[similar].min() > scored.both[~similar].max()


@pytest.mark.parametrize("killed_at", [1, 3])
def test_a_killed_run_ends_where_an_unbroken_one_does(killed_at, settings, labelled, tmp_path, monkeypatch):
    chosen = settings(steps=4, head_lr=1e-2)
    unbroken = train(labelled, chosen, tmp_path / "unbroken", 2, "test")
    update = Trainer.update

    def dies(self, step):
        if step == killed_at:
            raise KeyboardInterrupt
        return update(self, step)

    monkeypatch.setattr(Trainer, "update", dies)
    with pytest.raises(KeyboardInterrupt):
        train(labelled, chosen, tmp_path / "killed", 2, "test")
    monkeypatch.undo()
    assert not (tmp_path / "killed/model").exists()
    resumed = train(labelled, chosen, tmp_path / "killed", 2, "test")
    assert largest_gap(unbroken, resumed) == 0, "dropout included"
    steps = [json.loads(line)["step"] for line in (tmp_path / "killed/log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]
    assert not (tmp_path / "killed/state").exists()


@pytest.mark.e2e
def test_the_command_killed_by_the_system_goes_on(quick_python, backbone, rows, write, tmp_path):
    options = ["--batch", "4", "--micro-batch", "4", "--lr", "1e-3", "--save-every", "3", "--steps", "30"]
    command = [quick_python, "-m", "dqo_verl.cli", "classifier", "train", "--source", str(write(rows(30)))]
    command += ["--backbone", str(backbone), "--precision", "no", *options]
    log = tmp_path / "killed/log.jsonl"
    process = subprocess.Popen([*command, "--out", str(log.parent)], stdout=subprocess.DEVNULL)
    while not log.exists() or len(log.read_text().splitlines()) < 5:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (log.parent / "model").exists(), "killed on its way"
    for out in (log.parent, tmp_path / "unbroken"):
        subprocess.run([*command, "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    assert largest_gap(log.parent / "model", tmp_path / "unbroken/model") == 0
    config = json.loads((log.parent / "model/config.json").read_text())
    assert (config["similarity_threshold"], config["similarity_tokens"]) == (0.5, 62)


def test_micro_batches_do_not_change_the_result(settings, labelled, tmp_path):
    whole, parts = (
        train(labelled, settings(dropout=0.0, micro_batch=micro), tmp_path / str(micro), 100, "test")
        for micro in (8, 3)
    )
    assert largest_gap(whole, parts) < 1e-4


@pytest.mark.e2e
def test_processes_do_not_change_the_result(quick_python, backbone, rows, write, tmp_path):
    options = ["--batch", "8", "--micro-batch", "2", "--lr", "1e-3", "--steps", "3", "--dropout", "0", "--folds", "2"]
    command = ["dqo_verl.cli", "classifier", "train", "--source", str(write(rows(24))), "--backbone", str(backbone)]
    command += ["--precision", "no", *options]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for name, start in (("one", ["-m"]), ("two", launch)):
        done = subprocess.run(
            [quick_python, *start, *command, "--out", str(tmp_path / name)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("threshold") > 0
    assert largest_gap(tmp_path / "one/model", tmp_path / "two/model") < 1e-4
    one, two = (json.loads((tmp_path / name / "folds.json").read_text())["out_of_fold"] for name in ("one", "two"))
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_checkpoint_is_an_ordinary_one_without_token_types(settings, labelled, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    checkpoint = train(labelled, settings(steps=4), tmp_path, 100, "test")
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    assert model.config.type_vocab_size == 1
    assert model.config.id2label == {0: "different", 1: "same"}
    scored = score(str(checkpoint), labelled)
    for pair, expected in zip(labelled[:5], scored.forward, strict=False):
        inputs = tokenizer(*sorted((pair.a, pair.b)), return_tensors="pt")
        assert "token_type_ids" not in inputs
        with torch.inference_mode():
            found = model(**inputs).logits.softmax(-1)[0, 1].item()
        assert found == pytest.approx(expected, abs=1e-5)


def test_long_responses_are_cut_to_the_token_and_counted(settings, labelled, tmp_path, capsys):
    from dqo_verl.models.pair_classifier import PairInput

    checkpoint = train(labelled, settings(steps=1, tokens=4), tmp_path, 100, "mine")
    pair_input = PairInput(str(checkpoint))
    assert pair_input.budget == 4, "what it was trained with is what it is served with"
    longer = sum(
        len(pair_input.tokenizer(t, add_special_tokens=False)["input_ids"]) > 4 for p in labelled for t in p_texts(p)
    )
    assert 0 < longer < 120
    assert f"mine: 60 pairs; {longer} of 120 responses cut to 4 tokens" in capsys.readouterr().out
    assert score(str(checkpoint), labelled).cut == longer


def p_texts(pair):
    return pair.a, pair.b


def test_a_classifier_that_reads_the_prompt_is_refused_by_a_training_step(settings, labelled, tmp_path):
    from dqo_verl.models.pair_classifier import PairClassifier

    checkpoint = train(labelled, settings(steps=1), tmp_path, 100, "test")
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"similarity_prompt_tokens": 2}))
    with pytest.raises(ValueError, match="trained to read the prompt"):
        PairClassifier(str(checkpoint))


def test_a_folder_belongs_to_one_run(settings, labelled, tmp_path):
    train(labelled, settings(steps=1), tmp_path, 100, "test")
    with pytest.raises(UserError, match=r"other settings \(lr 0.001 -> 0.002\). Choose another --out"):
        train(labelled, settings(steps=1, lr=2e-3), tmp_path, 100, "test")
    with pytest.raises(UserError, match=r"other settings \(pairs\)"):
        train(labelled[1:], settings(steps=1), tmp_path, 100, "test")


def test_folds_of_another_run_are_not_taken_for_these(settings, labelled, tmp_path):
    out_of_fold(labelled, settings(steps=1), tmp_path, 2, 100)
    scores, _ = out_of_fold(labelled, settings(steps=1), tmp_path, 2, 100)
    assert np.isfinite(scores).all()
    with pytest.raises(UserError, match="other settings"):
        out_of_fold(labelled, settings(steps=1, seed=1), tmp_path, 2, 100)


def test_weights_of_another_architecture_are_refused(backbone, settings, labelled, tmp_path):
    import shutil

    wrong = tmp_path / "wrong"
    shutil.copytree(backbone, wrong)
    config = json.loads((wrong / "config.json").read_text())
    sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    other = {"model_type": "modernbert", "max_position_embeddings": 128} | {key: config[key] for key in sizes}
    (wrong / "config.json").write_text(json.dumps(other))
    with pytest.raises(UserError, match=r"does not contain all weights of a modernbert body: \d+ are missing"):
        train(labelled, settings(backbone=str(wrong)), tmp_path / "out", 100, "test")
    (wrong / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(UserError, match="do not have the shapes"):
        train(labelled, settings(backbone=str(wrong)), tmp_path / "out2", 100, "test")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "--batch 0: at least 1"),
        ({"lr": 0.0}, "--lr 0.0: a positive number"),
        ({"precision": "int8"}, "--precision int8: choose one of bf16, fp16, no"),
    ],
)
def test_impossible_settings(settings, values, message):
    with pytest.raises(UserError, match=message):
        settings(**values).check()


@pytest.mark.parametrize("typed", ["train --source PAIRS --out o", "evaluate CHECKPOINT --source PAIRS"])
def test_a_criterion_for_no_threshold_is_refused(typed):
    command = parse(f"classifier {typed} --threshold-by balanced_accuracy".split())
    with pytest.raises(UserError, match=r"--threshold-by has no effect without --(folds|train)"):
        command.run()
