"""Starting the sender and the receiver as processes of their own, and talking to them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from lab.generator.messages import Done, ProfileEnded, ReceiverOrder, SenderOrder

_PR_SET_PDEATHSIG = 1
_ANSWER_TIMEOUT_S = 10.0


class ChildError(Exception):
    """A child process did not start, has died, or does not answer."""


def die_with(parent_pid: int) -> None:
    """Asks the kernel to kill this process when its parent ends; ends it if the parent is gone already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise SystemExit(1)


@dataclass
class Child:
    """A child process and the connection to it.

    Attributes:
        role: "sender" or "receiver".
        process: The process.
        connection: Orders go out, answers come in.
        ended: Profiles that the sender has reported as ended and nobody has asked for yet.
    """

    role: str
    process: subprocess.Popen[bytes]
    connection: Connection
    ended: deque[ProfileEnded] = field(default_factory=deque)

    def order(self, order: SenderOrder | ReceiverOrder) -> None:
        """Has an order carried out.

        Raises:
            ChildError: The child did not do it.
        """
        try:
            self.connection.send(order)
            self.wait_done()
        except (OSError, EOFError) as error:
            raise ChildError(f"{self.role} - has died. Expected: an answer to {order}. Actual: {error!r}") from error

    def wait_done(self) -> None:
        """Waits for the answer to an order, or for the first sign of life.

        Raises:
            ChildError: None came in time, or the order failed.
        """
        while True:
            if not self.connection.poll(_ANSWER_TIMEOUT_S):
                raise ChildError(f"{self.role} - does not answer. Expected: within {_ANSWER_TIMEOUT_S} s. See: its log")
            message = self.connection.recv()
            if isinstance(message, ProfileEnded):
                self.ended.append(message)
                continue
            if isinstance(message, Done) and message.problem:
                raise ChildError(message.problem)
            return

    def poll(self) -> list[ProfileEnded]:
        """Profiles that have ended since the last call.

        Raises:
            ChildError: The child has died.
        """
        try:
            while self.connection.poll(0):
                self.ended.append(self.connection.recv())
        except (OSError, EOFError) as error:
            raise ChildError(f"{self.role} - has died. Expected: a running process. Actual: {error!r}") from error
        taken = list(self.ended)
        self.ended.clear()
        return taken

    def stop(self) -> None:
        """Ends the process: it leaves when the connection closes."""
        self.connection.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(role: str, devices: list[str], counters: int) -> Child:
    """Starts a child and waits until it serves.

    Args:
        role: "sender" or "receiver".
        devices: Network devices of port 0 and 1.
        counters: Descriptor of the shared counters.

    Raises:
        ChildError: It did not come up; it has written why to standard error.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "lab.generator.worker", role, "--parent", str(os.getpid())]
        command += ["--connection", str(theirs.fileno()), "--counters", str(counters), *devices]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(), counters))
    child = Child(role, process, Connection(ours.detach()))
    try:
        child.wait_done()
    except (OSError, EOFError) as error:
        child.stop()
        raise ChildError(f"{role} - did not start. See: its message above") from error
    return child
