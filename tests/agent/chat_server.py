"""A process of its own that speaks the OpenAI-compatible protocol: says its port, answers by a script given as JSON.

python chat_server.py '{"quote": "…", "summary_en": "…", …}'
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

ANSWER = json.loads(sys.argv[1])


class Chat(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/chat/completions" or not body.get("messages"):
            self.send_error(404)
            return
        asked = json.loads(body["messages"][1]["content"])
        said = {name: value for name, value in ANSWER.items() if name != "echo"}
        if ANSWER.get("echo"):  # a model that does what the abstract says
            said["summary_en"] = asked["abstract"][:300]
        content = ANSWER.get("raw") or json.dumps(said)
        reply = {
            "id": "chatcmpl-1", "object": "chat.completion", "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }  # fmt: skip
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Chat)
print(server.server_address[1], flush=True)  # noqa: T201
server.serve_forever()
