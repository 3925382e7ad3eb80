"""In-process reward models on tiny checkpoints: the numbers against transformers itself, the loading, the Ray actor."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForSequenceClassification, LlamaModel

from dqo_verl.models.athene import AtheneForSequenceClassification
from dqo_verl.models.reward_model import SequenceClassifier
from dqo_verl.rewards import hf_scorer

PROMPT = [{"role": "user", "content": "Tell a story about a cat."}]
RESPONSES = ["a cat.", "a dog and a cat and a dog and a cat", "", "b", "the answer is \\boxed{18}" * 5]


def config(tokenizer: Any, **kwargs: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **kwargs,
    )


def spread(model: Any) -> Any:
    """Random weights large enough that different texts get clearly different scores."""
    torch.manual_seed(0)
    for weight in model.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.fixture(scope="module")
def classifier(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classifier")
    model = LlamaForSequenceClassification(config(tokenizer, num_labels=1, pad_token_id=tokenizer.pad_token_id))
    spread(model).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def athene(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("athene")
    spread(AtheneForSequenceClassification(config(tokenizer))).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def chat(tokenizer: Any, response: str) -> list[int]:
    messages = [*PROMPT, {"role": "assistant", "content": response}]
    return list(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False))


def test_classifier_gives_the_numbers_of_transformers(classifier: Path, tokenizer: Any) -> None:
    scorer = SequenceClassifier(str(classifier), "cpu")
    model = LlamaForSequenceClassification.from_pretrained(classifier).eval()
    found = scorer([scorer.read(PROMPT, response)[0] for response in RESPONSES])
    with torch.inference_mode():
        wanted = [model(input_ids=torch.tensor([chat(tokenizer, r)])).logits.item() for r in RESPONSES]
    assert found == pytest.approx(wanted, abs=1e-4)
    assert min(abs(a - b) for a, b in itertools.combinations(wanted, 2)) > 1e-3


def test_athene_is_its_head_on_the_hidden_state_at_the_cls_token(athene: Path, tokenizer: Any) -> None:
    scorer = SequenceClassifier(str(athene), "cpu")
    weights = load_file(athene / "model.safetensors")
    body = LlamaModel(LlamaConfig.from_pretrained(athene)).eval()
    body.load_state_dict({k.removeprefix("model."): v for k, v in weights.items() if k != "v_head.weight"})
    wanted = []
    for response in RESPONSES:
        ids = [*chat(tokenizer, response), tokenizer.cls_token_id]
        with torch.inference_mode():
            hidden = body(torch.tensor([ids])).last_hidden_state[0, ids.index(tokenizer.cls_token_id)]
        wanted.append((weights["v_head.weight"][0] @ hidden).item())
    found = scorer([scorer.read(PROMPT, response)[0] for response in RESPONSES])
    assert found == pytest.approx(wanted, abs=1e-4)
    assert min(abs(a - b) for a, b in itertools.combinations(wanted, 2)) > 1e-3


def test_a_long_response_is_cut_by_the_token_and_keeps_its_ending(athene: Path, tokenizer: Any) -> None:
    scorer = SequenceClassifier(str(athene), "cpu")
    assert scorer.limit == 256
    ids, cut = scorer.read(PROMPT, "a cat and a dog " * 200)
    assert cut
    assert 250 <= len(ids) <= 256
    assert ids[-2:] == [tokenizer.eos_token_id, tokenizer.cls_token_id]
    whole = chat(tokenizer, "a cat and a dog " * 200)
    assert ids[:250] == whole[:250]
    assert scorer.read(PROMPT, "a cat")[1] is False
    with pytest.raises(ValueError, match="the prompt alone fills the 256 tokens"):
        scorer.read([{"role": "user", "content": "a cat and a dog " * 200}], "a cat")


@pytest.mark.parametrize("kind", ["athene", "classifier"])
@pytest.mark.parametrize("defect", ["missing", "unexpected", "mismatched"])
def test_refuses_weights_that_do_not_fit(
    kind: str, defect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(kind)
    for file in source.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(source / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    if defect == "missing":
        del weights[name]
    elif defect == "unexpected":
        weights["model.extra.weight"] = torch.zeros(2)
    else:
        weights[name] = torch.zeros(3, 3)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises((ValueError, RuntimeError), match=r"extra|up_proj|mismatch"):
        SequenceClassifier(str(tmp_path), "cpu")


def test_refuses_a_language_model_and_a_pair_classifier(tokenizer: Any, tmp_path: Path) -> None:
    LlamaModel(config(tokenizer)).save_pretrained(tmp_path / "body")
    with pytest.raises(ValueError, match=r"missing_keys.*score\.weight"):
        SequenceClassifier(str(tmp_path / "body"), "cpu")
    LlamaForSequenceClassification(config(tokenizer, num_labels=2)).save_pretrained(tmp_path / "pair")
    with pytest.raises(ValueError, match="2 labels; a reward model has one"):
        SequenceClassifier(str(tmp_path / "pair"), "cpu")
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        SequenceClassifier(str(tmp_path), "cpu")


def test_without_a_pad_token_rows_are_read_one_by_one(tokenizer: Any, tmp_path: Path) -> None:
    LlamaForSequenceClassification(config(tokenizer, num_labels=1)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert SequenceClassifier(str(tmp_path), "cpu").batch_size == 1


@pytest.fixture(scope="module")
def ray_cluster() -> Any:
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("ray_cluster")
def test_scores_through_verls_reward_manager_and_the_actor(scored, athene: Path) -> None:
    kwargs = {"model": str(athene), "placement": "cpu"}
    responses = RESPONSES * 10 + ["a cat and a dog " * 200]
    results = scored("hf_scorer", responses, extra_info={"prompt": PROMPT}, kwargs=kwargs)
    direct = SequenceClassifier(str(athene), "cpu")
    wanted = [direct([direct.read(PROMPT, response)[0]])[0] for response in responses]
    assert [result["quality"] for result in results] == pytest.approx(wanted, abs=1e-4)
    assert [result["truncated"] for result in results] == [0.0] * 50 + [1.0]


@pytest.mark.usefixtures("ray_cluster")
def test_what_is_missing_is_named(scored, athene: Path) -> None:
    import ray

    with pytest.raises(KeyError, match="dqo-verl prepare"):
        scored("hf_scorer", ["a cat"], kwargs={"model": str(athene), "placement": "cpu"})
    with pytest.raises(ValueError, match=r"reward_kwargs\.model=NAME_OR_PATH"):
        scored("hf_scorer", ["a cat"], extra_info={"prompt": PROMPT})
    with pytest.raises(ValueError, match="cpu, gpu, shared"):
        hf_scorer.compute_score("x", "a cat", "", {"prompt": PROMPT}, model=str(athene), placement="tpu")
    with pytest.raises(ray.exceptions.RayError, match=r"no model\.safetensors"):
        hf_scorer.start(model=str(athene.parent), placement="cpu")


def test_evaluation_scores_with_a_reward_model(classifier: Path, tmp_path: Path, capsys: Any) -> None:
    from dqo_verl.cli import parse
    from dqo_verl.errors import UserError

    long = "a cat and a dog " * 200
    groups = [
        {"prompt": PROMPT, "responses": RESPONSES},
        {"prompt": PROMPT[0]["content"], "responses": [*RESPONSES[:4], long]},
    ]
    file = tmp_path / "responses.jsonl"
    file.write_text("".join(json.dumps(group | {"prompt_id": str(i)}) + "\n" for i, group in enumerate(groups)))
    typed = ["--embedder", "none", "--reward-model", str(classifier)]
    parse(["evaluate", str(file), "--out", str(tmp_path / "e"), *typed]).run()
    assert "1 of 10 responses were cut to its 256 tokens" in capsys.readouterr().out
    direct = SequenceClassifier(str(classifier), "cpu")
    found = [json.loads(line)["scores"] for line in (tmp_path / "e/prompts.jsonl").read_text().splitlines()]
    wanted = [direct([direct.read(PROMPT, text)[0]])[0] for text in [*RESPONSES, *RESPONSES[:4], long]]
    assert [*found[0], *found[1]] == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(UserError, match="choose one of them"):
        parse(["evaluate", str(file), *typed, "--score-with", "json:loads"]).run()
    file.write_text(json.dumps({"input": "<user>hi", "output": "x", "step": 1}) + "\n")
    with pytest.raises(UserError, match="a reward model needs its chat messages"):
        parse(["evaluate", str(file), *typed]).run()
