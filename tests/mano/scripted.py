"""An HTTP server that answers by script, byte by byte, so that it can misbehave in every way a real one has."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Answerer = Callable[[socket.socket], None]
"""Answers one request on its connection; the connection is closed afterwards."""


@dataclass
class Received:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Answers the first request with the first answerer of the script, and so on; repeats the last one."""

    script: list[Answerer]
    requests: list[Received] = field(default_factory=list)
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if self.stopping.is_set():
                    return
                self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        method, path, _ = stream.readline().decode().split(" ", 2)
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        content = stream.read(int(headers.get("content-length", 0)))
        self.requests.append(Received(method, path, headers, json.loads(content) if content else None))
        answer = self.script[min(len(self.requests), len(self.script)) - 1]
        answer(connection)
        stream.close()


@contextmanager
def scripted(*script: Answerer) -> Iterator[ScriptedServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = ScriptedServer(list(script), url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        with socket.socket() as last:
            last.connect(listener.getsockname())
        thread.join(timeout=10)
        listener.close()
        assert not thread.is_alive()


def raw(content: bytes) -> Answerer:
    """Send these bytes, whatever they are."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(content)

    return answer


def http(status: int, body: object = None, *, content_type: str = "application/json", **headers: str) -> Answerer:
    """Send a proper answer; a text is sent as it is, anything else as JSON; underscores in header names are hyphens."""
    content = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"Content-Type: {content_type}"] if content else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def reset(connection: socket.socket) -> None:
    """Reset the connection instead of answering."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(connection: socket.socket) -> None:
    """Close the connection without an answer."""


def silence(release: threading.Event) -> Answerer:
    """Say nothing until released."""

    def answer(connection: socket.socket) -> None:
        release.wait(timeout=30)

    return answer


def dripping(release: threading.Event) -> Answerer:
    """Send a body for ever, a little at a time."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: application/json\r\n\r\n")
        while not release.wait(timeout=0.02):
            try:
                connection.sendall(b"[")
            except OSError:
                return

    return answer


def endless(connection: socket.socket) -> None:
    """Send a body without end, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    try:
        while True:
            connection.sendall(b"1," * 65536)
    except OSError:
        return
