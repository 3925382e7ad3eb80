"""Models are fetched before Ray starts: which ones, and from a hub on this machine that speaks the hub's protocol."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dqo_verl.core.defaults import MINILM
from recipes import prefetch

RECIPES = Path(__file__).parents[2] / "recipes"
NAME, COMMIT = "me/policy-1B", "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"the same again",
    "tokenizer.json": b"{}",
}


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        file = path.removeprefix(f"/{NAME}/resolve/{COMMIT}/")
        if file in FILES:
            self.reply(FILES[file], {"ETag": f'"{hashlib.sha1(FILES[file]).hexdigest()}"', "X-Repo-Commit": COMMIT})
        elif path.startswith(f"/api/models/{NAME}/tree/"):
            listed = [{"type": "file", "path": f, "size": len(b), "oid": "0" * 40} for f, b in FILES.items()]
            self.reply(json.dumps(listed).encode())
        elif path.startswith(f"/api/models/{NAME}"):
            siblings = [{"rfilename": name} for name in FILES]
            self.reply(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings, "gated": False}).encode())
        else:
            self.reply(b"", {"X-Error-Code": "RepoNotFound"}, status=404)

    do_HEAD = do_GET  # noqa: N815

    def reply(self, body, headers=None, status=200):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def fetch(overrides, hub, home):
    """In a process of its own: the hub's address is read when its library is imported."""
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    return subprocess.run(
        [sys.executable, RECIPES / "prefetch.py", *overrides],
        env=environment | {"HF_ENDPOINT": hub, "HF_HOME": str(home), "PYTHONPATH": str(RECIPES.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_model_is_in_the_cache_afterwards_without_its_other_formats(hub, tmp_path):
    done = fetch([f"actor_rollout_ref.model.path={NAME}", "algorithm.adv_estimator=grpo"], hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"fetching {NAME}" in done.stdout
    (snapshot,) = (tmp_path / "hub").glob("models--*/snapshots/*")
    assert {file.name for file in snapshot.iterdir()} == set(FILES) - {"pytorch_model.bin"}


def test_a_model_that_is_not_there_is_one_message(hub, tmp_path):
    done = fetch(["actor_rollout_ref.model.path=me/polcy"], hub, tmp_path)
    assert done.returncode == 2
    assert "prefetch: me/polcy: the Hugging Face hub has no model of this name" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["actor_rollout_ref.model.path=a/b", "reward.reward_model.model_path=c/d"], ["a/b", "c/d"]),
        (["actor_rollout_ref.model.path=a/b", "critic.model.path=a/b"], ["a/b"]),
        (["algorithm.adv_estimator=darling", "++algorithm.diversity.classifier=c/d"], ["c/d"]),
        (
            [
                "algorithm.adv_estimator=darling",
                "++algorithm.diversity.classifier=c/d",
                "+algorithm.diversity.placement=http",
                "+algorithm.diversity.urls=[http://a:1]",
            ],
            [],
        ),
        (["algorithm.adv_estimator=grpo"], []),
        (["algorithm.adv_estimator=maxrl"], []),
        (["algorithm.adv_estimator=grpo", "+reward_model.diversity=likelihood"], []),
        (["algorithm.adv_estimator=grpo", "+reward_model.diversity=none"], []),
        (["algorithm.adv_estimator=uniqueness", "+algorithm.diversity.classes=answer"], []),
        (["algorithm.adv_estimator=dqo"], [MINILM]),
        (["algorithm.adv_estimator=grpo", "+reward_model.diversity=dpp"], [MINILM]),
        (["algorithm.adv_estimator=dqo", "+algorithm.diversity.embedder=e/f"], ["e/f"]),
    ],
)
def test_what_a_command_loads(overrides, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(prefetch, "locate", lambda name: name)
    assert prefetch.names(overrides) == expected
    # a folder whose name Hydra needs in quotes
    assert prefetch.names(["actor_rollout_ref.model.path='/runs/lr=1e-5/é'"]) == ["/runs/lr=1e-5/é"]
    monkeypatch.setattr(prefetch, "locate", lambda name: str(tmp_path))
    assert prefetch.names(overrides) == [], "what is a folder is there"
