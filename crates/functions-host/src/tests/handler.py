"""A custom handler for tests. It appends every call to `calls.ndjson`, and answers each with the next step of `plan.json`;
the last step applies to all further calls. A `meet` step answers only after two calls have been received, by any process.
Both files are in the app root, and outlive this process."""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
running = 0


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/":
            return self.answer(404, b"")
        self.answer(418, ("forwarded " + self.path).encode(), "text/plain")

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        global running
        body = json.loads(self.body())
        call = {
            "function": self.path[1:],
            "id": self.headers["X-Azure-Functions-InvocationId"],
            "framing": self.headers.get("Transfer-Encoding", "length"),
            "pid": os.getpid(),
            "worker": os.environ["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"],
            "greeting": os.environ.get("GREETING"),
            "body": body,
        }
        with lock:
            plan = json.loads(read("plan.json"))
            earlier = read("calls.ndjson").count("\n") if os.path.exists("calls.ndjson") else 0
            with open("calls.ndjson", "a", encoding="utf-8") as calls:
                calls.write(json.dumps(call) + "\n")
            running += 1
        step = plan[min(earlier, len(plan) - 1)]
        print("called", call["function"], step, flush=True)
        kind, _, argument = step.partition(" ")
        if kind == "exit":
            os._exit(int(argument))
        if kind == "wait":
            until(lambda: os.path.exists(argument))
        if kind == "together":
            until(lambda: running >= int(argument))
        if kind == "meet":
            until(lambda: read("calls.ndjson").count("\n") >= 2)
            kind, _, argument = argument.partition(" ")
        if kind == "status":
            return self.answer(int(argument), b"it is not read")
        if kind == "empty":
            return self.answer(200, b"")
        given = argument.encode() if kind == "ok" else b""
        self.answer(200, given or b'{"Outputs":{},"Logs":["done"],"ReturnValue":null}')


def until(condition):
    while not condition():
        time.sleep(0.01)


def end_with(parent):
    until(lambda: os.getppid() != parent)
    os._exit(1)


threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])), Handler).serve_forever()
