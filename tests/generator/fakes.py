"""Stand-ins for clock, rings and child processes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lab.generator import counters
from lab.generator.addressing import Addressing
from lab.generator.captures import Captures
from lab.generator.clock import ServerClock
from lab.generator.commands import table
from lab.generator.events import EventLog
from lab.generator.groups import Groups
from lab.generator.jsonrpc import Dispatcher
from lab.generator.outbox import Outbox
from lab.generator.ports import Port
from lab.generator.rates import Rates
from lab.generator.rx_ring import read_block
from lab.generator.service import PortService
from lab.generator.state import ServerState
from tests.generator.blocks import block

MS = 1_000_000


class Clock:
    """Time that stands still unless moved."""

    def __init__(self, now_ns=10_000 * MS):
        self.now = now_ns

    def __call__(self):
        return self.now

    def advance(self, ms):
        self.now += round(ms * MS)


@dataclass
class Ring:
    """A transmit ring that only remembers."""

    clock: Clock
    capacity: int = 1 << 30
    blocked: bool = False
    waiting: int = 0
    stride: int = 2048
    kicks: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    visible: bool = False
    _filled: list = field(default_factory=list)

    def room(self):
        return 0 if self.blocked else self.capacity

    def fill(self, frames, lengths):
        self._filled = [bytearray(frame[:length].tobytes()) for frame, length in zip(frames, lengths, strict=True)]
        return 0

    def stamp(self, positions, value):
        for position in positions:
            slot, at = divmod(int(position), self.stride)
            self._filled[slot][at : at + 8] = value.to_bytes(8, "little")

    def kick(self, count):
        assert count == len(self._filled)
        self.sent += [(self.clock(), bytes(frame)) for frame in self._filled]
        self.kicks.append(count)
        self._filled = []
        return 0

    def tap(self, *, visible):
        self.visible = visible


@dataclass
class Workers:
    """Takes orders and does nothing."""

    sender: list = field(default_factory=list)
    receiver: list = field(default_factory=list)

    def to_sender(self, order):
        self.sender.append(order)

    def to_receiver(self, order):
        self.receiver.append(order)

    def of_kind(self, kind):
        return [order for order in self.sender if isinstance(order, kind)]


@dataclass
class Publisher:
    announced: int = 0
    published: int = 0

    def announce(self):
        self.announced += 1

    def publish_global(self):
        self.published += 1


def shared_counters():
    return counters.attach(counters.create())


@dataclass
class Line:
    """A way out of a port that only remembers."""

    works: bool = True
    sent: list = field(default_factory=list)

    def send(self, frame):
        if self.works:
            self.sent.append(frame)
        return self.works


class Source:
    """Packets of a device, put in by a test; `times_ns` and lengths go along as the kernel would give them."""

    def __init__(self, device, program, *, outgoing):
        self.device, self.program, self.outgoing = device, program, outgoing
        self.waiting, self.closed = [], False

    def put(self, *frames, time_ns=0):
        self.waiting += [(frame, time_ns) for frame in frames]

    def fileno(self):
        return id(self)

    def drain(self):
        waiting, self.waiting = self.waiting, []
        if waiting:
            yield read_block(block(waiting, size=1 << 20), 0)

    def pending(self):
        return bool(self.waiting)

    def take_drops(self):
        return 0

    def close(self):
        self.closed = True


class Sources:
    """Opens sources and keeps them."""

    def __init__(self):
        self.opened = []

    def __call__(self, device, program, *, outgoing=False):
        self.opened.append(Source(device, program, outgoing=outgoing))
        return self.opened[-1]

    def open_now(self):
        return [source for source in self.opened if not source.closed]


class Desk:
    """A server without processes and sockets: requests in, answers out."""

    def __init__(self):
        self.clock = Clock()
        self.workers, self.publisher = Workers(), Publisher()
        self.sources, self.lines = Sources(), [Line(), Line()]
        totals = shared_counters()
        self.state = ServerState(
            api_handler="APIHAPIH",
            clock=ServerClock(self.clock(), self.clock),
            counters=totals,
            rates=Rates(totals, self.clock()),
            ports=[make_port(index, self.sources) for index in range(2)],
            groups=Groups(totals),
            events=EventLog(self.publisher.announce),
            captures=Captures(["lo", "lo"], self.clock, self.sources),
            workers=self.workers,
            publisher=self.publisher,
            outbox=Outbox(self.lines, totals, self.clock),
        )
        self.dispatcher = Dispatcher(table(self.state))
        self.handlers = {}

    def ask(self, method, **params):
        """The whole answer."""
        request = {"jsonrpc": "2.0", "id": "x", "method": method, "params": {"api_h": "APIHAPIH"} | params}
        return self.dispatcher._answer_content(request)

    def call(self, method, **params):
        """The result; the request has to succeed."""
        answer = self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def refusal(self, method, **params):
        """What exactly was wrong; the request has to fail."""
        answer = self.ask(method, **params)
        assert "error" in answer, answer
        return answer["error"].get("specific_err", answer["error"]["message"])

    def acquire(self, *ports):
        for port in ports:
            self.handlers[port] = self.call("acquire", port_id=port, user="alice", session_id=1, force=True)
        return self

    def own(self, port, profile="_"):
        return {"handler": self.handlers[port], "port_id": port, "profile_id": profile}


def make_port(index, open_source, device="lo"):
    addressing = Addressing(bytes([2, 0, 0, 0, 0, 0x10 + index]), bytes([2, 0, 0, 0, 0x0D, index]))
    return Port(index, device, addressing, PortService(device, addressing, open_source), largest_frame=1518)


def random_bytes(count, seed=1):
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()
