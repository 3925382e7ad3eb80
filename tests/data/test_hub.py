"""Reading from the hub, through a mirror on this machine that speaks the hub's protocol."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY, COMMIT = "openai/gsm8k", "0123456789abcdef0123456789abcdef01234567"
ROWS = "".join(json.dumps({"question": f"{i} + 1?", "answer": f"#### {i + 1}"}) + "\n" for i in range(5)).encode()
CARD = {"config_name": "main", "data_files": [{"split": s, "path": f"main/{s}.jsonl"} for s in ("train", "test")]}
FILES = {
    "README.md": f"---\nconfigs: {json.dumps([CARD])}\n---\n".encode(),
    "main/train.jsonl": ROWS,
    "main/test.jsonl": ROWS,
}


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        file = path.removeprefix(f"/datasets/{REPOSITORY}/resolve/{COMMIT}/")
        if file in FILES:
            etag = hashlib.sha1(FILES[file]).hexdigest()
            self.reply(FILES[file], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        elif path.startswith(f"/api/datasets/{REPOSITORY}/tree/"):
            listed = [{"type": "file", "path": f, "size": len(b), "oid": "0" * 40} for f, b in FILES.items()]
            self.reply(json.dumps([entry for entry in listed if str(entry["path"]).startswith("main/")]).encode())
        elif path in (f"/api/datasets/{REPOSITORY}", f"/api/datasets/{REPOSITORY}/revision/{COMMIT}"):
            files = [{"rfilename": name} for name in FILES]
            self.reply(json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": files}).encode())
        else:
            self.reply(b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, status=404)

    do_HEAD = do_GET  # noqa: N815

    def reply(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def prepare(name: str, mirror: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: the hub's address is read when its library is imported."""
    code = f"from dqo_verl.data.prepare import *; prepare(Prepare({name!r}, Path({str(tmp_path / 'out')!r})))"
    environment = os.environ | {"HF_ENDPOINT": mirror, "HF_HOME": str(tmp_path / "hf")}
    environment.pop("HF_HUB_OFFLINE", None)
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def test_a_mirror_serves_the_data_and_the_commit_is_recorded(mirror: str, tmp_path: Path) -> None:
    result = prepare("gsm8k", mirror, tmp_path)
    assert result.returncode == 0, result.stderr
    for split in ("train", "test"):
        record = json.loads((tmp_path / "out" / f"{split}.json").read_text())
        assert (record["source"], record["revision"], record["rows"]) == (REPOSITORY, f"commit:{COMMIT}", 5)


def test_a_set_that_cannot_be_had_says_what_to_do(mirror: str, tmp_path: Path) -> None:
    result = prepare("dolly", mirror, tmp_path)
    assert result.returncode == 1
    assert f"could not load databricks/databricks-dolly-15k from {mirror}" in result.stderr
    assert "--source PATH" in result.stderr
    assert not list((tmp_path / "out").iterdir())
