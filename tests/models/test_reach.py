"""What a name that is not there is told, by a hub that answers as huggingface.co does, and by none."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dqo_verl.errors import UserError
from dqo_verl.models.servers import refuse_silent

# what the hub answers for a repository -> status, code
ANSWERS = {
    "nobody/nothing": (401, "RepoNotFound"),
    "meta/gated": (403, "GatedRepo"),
    "some/embedder": (404, "EntryNotFound"),
    "some/trouble": (500, ""),
}


@pytest.fixture(scope="module")
def hub():
    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            name = "/".join(self.path.split("/")[1:3])
            status, code = ANSWERS[name]
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "as the hub says it")
            self.end_headers()

        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def told(name, endpoint, home):
    code = f"""
from dqo_verl.errors import UserError
from dqo_verl.models.hub import reach
try:
    reach({name!r}, "model={{}}".format)
except UserError as error:
    print(error)
"""
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PATH": "/usr/bin"}
    environment |= {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody/nothing", "the Hugging Face hub has no model of this name"),
        ("meta/gated", "is gated: accept its terms at https://huggingface.co/meta/gated, then log in by hf auth login"),
        # there is a repository: what lies in it is for the library to read
        ("some/embedder", ""),
        ("some/trouble", "Is the name right?"),
        ("not a name", "the Hugging Face hub has no model of this name"),
    ],
)
def test_what_the_hub_says_decides(name, says, hub, tmp_path):
    said = told(name, hub, tmp_path)
    assert says in said
    assert bool(said) == bool(says)


def test_a_hub_that_is_out_of_reach_leaves_both_possibilities(tmp_path):
    said = told("some/model", "http://127.0.0.1:9", tmp_path)
    assert (
        "model=some/model is not in the local cache, and the Hugging Face hub does not answer. Is the name right?"
        in said
    )
    assert "write model=/path/to/it" in said


def test_servers_that_answer_anything_are_there_and_silent_ones_are_named(hub):
    refuse_silent([hub], str)
    with pytest.raises(
        UserError, match=r"nobody answers at http://127\.0\.0\.1:9/ \(ConnectionError\)\. Start the server"
    ):
        refuse_silent([hub, "http://127.0.0.1:9/"], "urls={}".format)
