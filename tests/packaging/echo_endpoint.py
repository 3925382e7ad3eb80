"""The smallest OpenAI-compatible server: `python echo_endpoint.py FILE` writes its address to FILE and answers until it ends."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][-1]["content"]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": f"{text} {i % 3}"}, "finish_reason": "stop"}
            for i in range(asked["n"])
        ]
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": asked["model"], "choices": choices}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = HTTPServer(("127.0.0.1", 0), Echo)
Path(sys.argv[1]).write_text(f"http://127.0.0.1:{server.server_port}/v1")
server.serve_forever()
