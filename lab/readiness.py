"""Questions that tell whether a process of the lab serves yet."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Protocol

_ASK_TIMEOUT_S = 1.0


class Probe(Protocol):
    """One question to a process, asked again and again while it starts."""

    def ask(self) -> str | None:
        """None when it serves, otherwise what was seen instead, in a few words."""

    def describe(self) -> str:
        """What is expected, in a few words."""


@dataclass(frozen=True)
class HttpProbe:
    """Content when a GET on loopback answers 200; a member `flag` of a JSON answer must not be false."""

    port: int
    path: str = "/status"
    flag: str = "ready"

    def ask(self) -> str | None:
        """None when the answer is good, otherwise status or error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ASK_TIMEOUT_S)
        try:
            connection.request("GET", self.path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return _words(error)
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            return f"status {answer.status}"
        return f"the answer says it is not {self.flag}" if _denies(body, self.flag) else None

    def describe(self) -> str:
        """The request and the answer that counts."""
        return f"GET http://127.0.0.1:{self.port}{self.path} answers 200, {self.flag}"


@dataclass(frozen=True)
class PortProbe:
    """Content when a TCP connection to a port on loopback is accepted."""

    port: int

    def ask(self) -> str | None:
        """None when somebody listens, otherwise the error."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=_ASK_TIMEOUT_S).close()
        except OSError as error:
            return _words(error)
        return None

    def describe(self) -> str:
        """The port that has to accept."""
        return f"port {self.port} on 127.0.0.1 accepts connections"


@dataclass(frozen=True)
class RedisProbe:
    """Content when a Redis server on loopback answers PING; while it loads its data it answers something else."""

    port: int

    def ask(self) -> str | None:
        """None when the answer is PONG, otherwise the answer or the error."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_ASK_TIMEOUT_S) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
        except OSError as error:
            return _words(error)
        return None if answer == b"+PONG\r\n" else f"the answer is {answer!r}"

    def describe(self) -> str:
        """The command and the answer that counts."""
        return f"PING at 127.0.0.1:{self.port} is answered with PONG"


def _denies(body: bytes, flag: str) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get(flag) is False


def _words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).lower()
