#!/usr/bin/env python3
"""A handler that writes down what the host says about each event, and has the real one do the work.

REAL_HANDLER is the program that works; EVENTS_SEEN the file that each event of `ingest` adds a line to.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]
WRITING = threading.Lock()


def note(body):
    metadata = json.loads(body)["Metadata"]
    partition = metadata["PartitionContext"]["PartitionId"]
    events = json.loads(json.loads(body)["Data"]["events"])
    columns = [json.loads(metadata[name]) for name in ("SequenceNumberArray", "PartitionKeyArray", "PropertiesArray", "SystemPropertiesArray")]
    with WRITING, open(os.environ["EVENTS_SEEN"], "a") as out:
        for event, number, key, properties, system in zip(events, *columns, strict=True):
            line = {
                "partition": int(partition),
                "sequence_number": number,
                "partition_key": key,
                "properties": properties,
                "content_type": system.get("content-type"),
                "body": json.loads(base64.b64decode(event)),
            }
            out.write(json.dumps(line) + "\n")


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/ingest":
            note(body)
        real = http.client.HTTPConnection("127.0.0.1", PORT)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        real.request(self.command, self.path, body, headers)
        answer = real.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        real.close()

    do_GET = do_POST

    def log_message(self, *_):
        pass


real = subprocess.Popen([os.environ["REAL_HANDLER"]], env={**os.environ, "FUNCTIONS_CUSTOMHANDLER_PORT": str(PORT)})
while True:
    try:
        socket.create_connection(("127.0.0.1", PORT)).close()
        break
    except ConnectionRefusedError:
        assert real.poll() is None, "the real handler has ended"
        time.sleep(0.01)


def die_with(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(137)


threading.Thread(target=die_with, args=(os.getppid(),), daemon=True).start()
port = int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])
ThreadingHTTPServer(("127.0.0.1", port), Proxy).serve_forever()
