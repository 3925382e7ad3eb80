"""A server that speaks OpenAI's protocol and sorts by the first letter: what is sent and read is real, only the judge is simple."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def by_first_letter(texts):
    groups = {}
    for number, text in enumerate(texts, start=1):
        groups.setdefault(text[:1], []).append(number)
    return json.dumps({"groups": list(groups.values())})


class JudgeServer:
    """`says`: answers to give before it sorts, each a text or a status; `seen`: the requests."""

    def __init__(self):
        self.says, self.seen = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(200, {})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.seen.append(body)
                texts = re.findall(r'<answer number="\d+">\n(.*?)\n</answer>', body["messages"][0]["content"], re.S)
                said = outer.says.pop(0) if outer.says else by_first_letter(texts)
                if isinstance(said, int):
                    return self.answer(said, {"error": {"message": "no"}})
                choice = {"index": 0, "message": {"role": "assistant", "content": said}}
                self.answer(200, {"choices": [choice], "usage": {"total_tokens": 10}})

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
