"""A real HTTP server that speaks the OpenAI protocol, answers sums, and fails when it is told to.

Replies depend on the request alone (messages and seed), as a served model's would at a fixed seed.
"""

import json
import random
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Script:
    """What the server does: ``failures`` are consumed first, one per request; then it answers."""

    def __init__(self):
        self.failures = []
        self.delay = 0.0
        self.requests = []
        self.under_way = 0
        self.most_under_way = 0
        self.lock = threading.Lock()


def reply(text, seed):
    if "Which style does the verification have?" in text:
        return style_of(re.findall(r"^([0-9a-f]{12})\n(.*?)\n\1$", text, re.DOTALL | re.MULTILINE)[-1][1])
    rng = random.Random(f"{seed}:{text}")
    if "A proposed solution" in text:
        a, b = map(int, re.search(r"What is (\d+) \+ (\d+)", text).groups())
        proposed = int(re.search(r"Its answer is (-?\d+)\.", text).group(1))
        right = proposed == a + b
        if rng.random() < 0.1:
            right = not right
        if rng.random() < 0.1:
            return "I cannot tell. Therefore, the answer cannot be verified."
        verdict = "correct" if right else "incorrect"
        return f"Taking {b} from {proposed} leaves {proposed - b}. Therefore, the answer is {verdict}."
    a, b = map(int, re.search(r"What is (\d+) \+ (\d+)", text).groups())
    wrong = rng.choice([0, 0, 0, 1, 2, -1, 10])
    return f"Adding {a} and {b} gives \\boxed{{{a + b + wrong}}}."


def style_of(verification):
    """A judge that goes by one word, and cannot tell where the verification cannot either."""
    label = "PROBLEM-SOLVING" if "again" in verification else "CONFIRMATIVE"
    return f"It says what it does.\nVERDICT: {'UNCLEAR' if 'cannot be verified' in verification else label}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        script = self.script
        with script.lock:
            script.requests.append({"path": self.path, "headers": dict(self.headers), **body})
            script.under_way += 1
            script.most_under_way = max(script.most_under_way, script.under_way)
            failure = script.failures.pop(0) if script.failures else None
        try:
            time.sleep(script.delay)
            self.answer(body, failure)
        finally:
            with script.lock:
                script.under_way -= 1

    def answer(self, body, failure):
        if failure == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if failure == "garbage":
            return self.send(200, b"<html>busy</html>")
        if isinstance(failure, dict):  # a reply with this message
            return self.send(200, json.dumps({"choices": [{"message": failure, "finish_reason": "stop"}]}).encode())
        if failure is not None:
            status, headers = failure if isinstance(failure, tuple) else (failure, {})
            return self.send(status, b'{"error": {"message": "told to fail"}}', headers)
        chat = "messages" in body
        text = reply(body["messages"][-1]["content"] if chat else body["prompt"], body["seed"])
        choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        result = {
            "choices": [{**choice, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": len(text.split())},
        }
        self.send(200, json.dumps(result).encode())

    def send(self, status, body, headers=None):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a killed client hangs up in the middle


@contextmanager
def serving():
    """Yields (base URL, Script)."""
    script = Script()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"script": script}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", script
    finally:
        server.shutdown()
        server.server_close()
