"""A small OpenAI-compatible server: real HTTP, answers computed from the request: clients are tested for real."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Handler(BaseHTTPRequestHandler):
    """Chat completions. Judge prompts get the share of different responses; others `echo <seed + i>: <prompt>`."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        server.requests.append(body)
        if self.path != "/v1/chat/completions" or server.fail > 0:
            server.fail -= 1
            return self._send(500 if self.path == "/v1/chat/completions" else 404, {"error": {"message": "busy"}})
        text = body["messages"][-1]["content"]
        if "<response number=" in text:
            found = re.findall(r'<response number="\d+">\n(.*?)\n</response>', text, re.S)
            grade = 10 * (len(set(found)) - 1) / (len(found) - 1)
            answers = ["I cannot say."] if server.mumble > 0 else [f'Sure: {{"diversity": {grade}}}']
            server.mumble -= 1
        else:
            n = min(body.get("n", 1), server.most)
            answers = [f"echo {body['seed'] + i}: {text}" for i in range(n)]
        choices = [
            {
                "index": i,
                "message": {"role": "assistant", "content": answer},
                "finish_reason": "length" if i else "stop",
            }
            for i, answer in enumerate(answers)
        ]
        usage = {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": choices}
        self._send(200, reply | {"usage": usage})

    def _send(self, status: int, reply: dict[str, Any]) -> None:
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def openai_server() -> Iterator[Any]:
    """`.url`, `.requests`; set `.most` choices a reply, `.fail` requests to fail first, `.mumble` answers to spoil."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.most, server.fail, server.mumble = [], 100, 0, 0
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
