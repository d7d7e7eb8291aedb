"""A process that behaves like one of the lab's, or misbehaves as asked: `node.py PORT [BEHAVIOUR ...]`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class Status(BaseHTTPRequestHandler):
    answers = 0
    not_ready_answers = 0

    def do_GET(self):
        type(self).answers += 1
        body = b'{"ready": false}' if self.answers <= self.not_ready_answers else b'{"ready": true}'
        self.send_response(200 if self.path == "/status" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        say("asked for", self.path)


def say(*words):
    print(*words, flush=True)  # noqa: T201 - into the log file


def main(port, behaviours):
    say(f"node {os.environ.get('HITLESS_NODE_NAME')} of run {os.environ.get('HITLESS_RUN_ID')}")
    if "dies-at-once" in behaviours:
        sys.exit("my configuration is broken")
    if "never-serves" in behaviours:
        say("thinking")
        time.sleep(3600)
    if "deaf" in behaviours:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "late" in behaviours:
        Status.not_ready_answers = 3
    if "own-namespace" in behaviours:
        subprocess.Popen(["unshare", "--net", "sleep", "3600"])
    HTTPServer(("127.0.0.1", port), Status).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
