"""What a name that is not there is told, by a hub that answers as huggingface.co does, and by none."""

import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dqo_verl.errors import UserError
from dqo_verl.models.servers import refuse_silent

# what the hub answers for a repository -> status, code, body
ANSWERS = {
    "nobody/nothing": (401, "RepoNotFound", {}),
    "meta/gated": (200, "", {"id": "meta/gated", "gated": "manual"}),
    "meta/gated/auth-check": (403, "GatedRepo", {}),
    "some/embedder": (200, "", {"id": "some/embedder", "gated": False}),
    "some/trouble": (500, "", {}),
}


@pytest.fixture(scope="module")
def hub():
    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            status, code, body = ANSWERS.get(self.path.removeprefix("/api/models/"), (404, "", {}))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "as the hub says it")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def told(names, endpoint, home):
    """What each of these names is told; nothing if it is there."""
    code = f"""
from dqo_verl.errors import UserError
from dqo_verl.models.hub import reach
for name in {names!r}:
    try:
        print(name, reach(name, "model={{}}".format) or "")
    except UserError as error:
        print(name, error)
"""
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PATH": "/usr/bin"}
    environment |= {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix(name).strip() for name, line in zip(names, done.stdout.splitlines(), strict=True)]


SAYS = {
    "nobody/nothing": "the Hugging Face hub has no model of this name",
    "meta/gated": "is gated: accept its terms at https://huggingface.co/meta/gated, then log in with hf auth login",
    # what lies in it is for the library to read
    "some/embedder": "",
    "some/trouble": "Is the name right?",
    "not a name": "the Hugging Face hub has no model of this name",
}


def test_what_the_hub_says_decides(hub, tmp_path):
    for said, says in zip(told(list(SAYS), hub, tmp_path), SAYS.values(), strict=True):
        assert says in said
        assert bool(said) == bool(says)


@pytest.mark.slow
@pytest.mark.parametrize("listens", [True, False], ids=["a hub that never answers", "a hub that is not there"])
def test_a_hub_that_is_out_of_reach_leaves_both_possibilities(listens, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if listens else 9
        (said,) = told(["some/model"], f"http://127.0.0.1:{port}", tmp_path)
    assert (
        "model=some/model is not in the local cache, and the Hugging Face hub does not answer. Is the name right?"
        in said
    )
    assert "write model=/path/to/it" in said


def test_servers_that_answer_anything_are_there_and_silent_ones_are_named(hub):
    refuse_silent([hub], str)
    with pytest.raises(
        UserError, match=r"no server answers at http://127\.0\.0\.1:9/ \(ConnectError\)\. Start it first"
    ):
        refuse_silent([hub, "http://127.0.0.1:9/"], "urls={}".format)
