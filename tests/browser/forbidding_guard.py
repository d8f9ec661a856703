"""`python -m tests.browser.forbidding_guard PORT FILE`: stands in for a server that runs Llama Guard.

It calls unsafe what has one of the words in FILE, which may change at any time, and everything else safe.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    words_file: Path

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [{"id": "guard", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = self.words_file.read_text().split()
        text = "unsafe\nS1" if any(word in body["prompt"] for word in words) else "safe"
        self._answer({"choices": [{"index": 0, "text": text, "finish_reason": "stop"}]})

    def _answer(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    Handler.words_file = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
