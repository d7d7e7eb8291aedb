"""Devices and a generator in the present network namespace."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import zmq

RPC, PUB = 4501, 4500


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make_devices(rules=None):
    """Two ports: connected to each other, or through devices f0 and f1 with nftables rules between them."""
    ip("link", "set", "lo", "up")
    pairs = [("p0", "p1")] if rules is None else [("p0", "f0"), ("p1", "f1")]
    for one, other in pairs:
        ip("link", "add", one, "type", "veth", "peer", "name", other)
        for device in (one, other):
            Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
            ip("link", "set", device, "up")
    if rules is not None:
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def start_generator(*more):
    command = [sys.executable, "-m", "lab.generator", "--port0", "p0", "--port1", "p1", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if "ready" not in line:
        raise AssertionError(f"no ready line but {line!r}, exit code {process.wait()}")
    return process


@contextlib.contextmanager
def generator(rules=None):
    """Devices and a running generator."""
    make_devices(rules)
    process = start_generator()
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


class RpcClient:
    """Plain JSON-RPC over ZeroMQ, without the client library."""

    def __init__(self):
        self.context = zmq.Context.instance()
        self.socket = self.context.socket(zmq.REQ)
        self.socket.setsockopt(zmq.RCVTIMEO, 10_000)
        self.socket.connect(f"tcp://127.0.0.1:{RPC}")
        self.api_h = None

    def send(self, content):
        self.socket.send(json.dumps(content).encode())
        return json.loads(self.socket.recv())

    def call(self, method, **params):
        if self.api_h:
            params["api_h"] = self.api_h
        answer = self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def connect(self):
        self.api_h = self.call("api_sync_v2", name="STL", major=5, minor=1)["api_h"]
        return self

    def acquire(self, port, user="tester", session_id=7):
        return self.call("acquire", port_id=port, user=user, session_id=session_id, force=True)


class Subscriber:
    """Listens on the publisher port."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(f"tcp://127.0.0.1:{PUB}")

    def collect(self, seconds):
        messages, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            if self.socket.poll(50):
                data = self.socket.recv()
                messages.append(json.loads(zlib.decompress(data[8:]) if data[:2] == b"\xab\xe8" else data))
        return messages


def report(value):
    Path(sys.argv[1]).write_text(json.dumps(value))
