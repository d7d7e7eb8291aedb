"""A generator whose processes, rings and clock are simulated, with a router between its two ports.

The server's state and commands, the sender and the receiver are the real ones; time passes in steps of a millisecond.
"""

from __future__ import annotations

import ctypes
import json
from itertools import count

import numpy as np

from lab.generator import bpf, stack
from lab.generator.addressing import Addressing, Ipv4Mode
from lab.generator.announcer import Announcer
from lab.generator.captures import Captures
from lab.generator.clock import ServerClock
from lab.generator.commands import table
from lab.generator.events import EventLog
from lab.generator.groups import Groups
from lab.generator.jsonrpc import Dispatcher
from lab.generator.outbox import Outbox
from lab.generator.ports import new_handler
from lab.generator.rates import Rates
from lab.generator.receiver import Receiver
from lab.generator.rx_ring import Packets
from lab.generator.sender import Sender
from lab.generator.state import ServerState
from tests.generator import fakes
from tests.generator.packets import checksum

STEP_MS = 1
DEVICES = ("p0", "p1")
OWN = ("10.10.0.1", "10.20.0.1")
GATEWAYS = ("10.10.0.254", "10.20.0.254")


ARP, LINUX_TTL = b"\x08\x06", 64


def with_ttl(frame, ttl):
    """The frame with another time to live and a good checksum."""
    out = bytearray(frame)
    out[22] = ttl
    out[24:26] = bytes(2)
    out[24:26] = checksum(bytes(out[14:34])).to_bytes(2)
    return bytes(out)


def octets(address):
    return bytes(map(int, address.split(".")))


class Filter:
    """A classic BPF program, run by libpcap."""

    def __init__(self, program):
        self._library = bpf.load_library()
        self._instructions = (bpf._Instruction * len(program))(*program)

    def matches(self, frame):
        return self._library.bpf_filter(ctypes.byref(self._instructions), frame, len(frame), len(frame)) != 0


class FilteringSources(fakes.Sources):
    """Sources that the simulated wire fills."""

    def deliver(self, device, frame, time_ns, *, outgoing):
        for source in self.open_now():
            if (source.device, source.outgoing) == (device, outgoing):
                if not hasattr(source, "filter"):
                    source.filter = Filter(source.program)
                if source.filter.matches(frame):
                    source.put(frame, time_ns=time_ns)


class Router:
    """Forwards from one port to the other as the router of the recordings did, and answers ARP and ICMP echo.

    `rule` says of a forwarded frame how many milliseconds it takes, or None if it is dropped.
    """

    def __init__(self):
        self.rule = lambda _: 0
        self.sides = []
        for side in range(2):
            mine = Addressing(bytes([2, 0, 0, 0, 0x0D, side]), bytes([2, 0, 0, 0, 0, 0x10 + side]))
            mine.set_layer3(Ipv4Mode(octets(GATEWAYS[side]), octets(OWN[side])), mine.destination)
            self.sides.append(mine)

    def take(self, side, frame):
        """What comes out: (delay in ms, side, frame)."""
        mine = self.sides[side]
        if frame[:6] not in (mine.source, b"\xff" * 6):
            return []
        for address in (mine, self.sides[1 - side]):
            asked = Addressing(mine.source, mine.destination, ipv4=address.ipv4)
            if (answer := stack.answer(frame, asked)) is not None:
                return [(0, side, answer if answer[12:14] == ARP else with_ttl(answer, LINUX_TTL))]
        if frame[:6] != mine.source or frame[12:14] != b"\x08\x00" or frame[30] in (10, 0):
            return []
        delay_ms = self.rule(frame)
        return [] if delay_ms is None else [(delay_ms, 1 - side, self.forwarded(1 - side, frame))]

    def forwarded(self, side, frame):
        """The frame as it leaves on a side."""
        addresses = self.sides[side].destination + self.sides[side].source
        return with_ttl(addresses + frame[12:], frame[22] - 1)


class _Line:
    """A way out of a simulated port."""

    def __init__(self, world, port):
        self.world, self.port = world, port

    def send(self, frame):
        self.world.transmit(self.port, frame)
        return True


def rules():
    """What the network does to forwarded frames: milliseconds that one takes, or None if it is lost."""
    numbers, probes = count(), count()

    def is_probe(frame):
        return frame[18:20] == b"\xff\xff"

    return {
        "drop all": lambda _: None,
        "drop one in 100": lambda _: None if next(numbers) % 100 == 0 else 0,
        "delay probes": lambda frame: 100 if is_probe(frame) and next(probes) % 100 == 0 else 0,
    }


class World:
    """The simulated generator and its surroundings; a server to which a conversation can be played."""

    late_s = 0.0  # the simulated machine has time for everything

    def __init__(self):
        self.clock = fakes.Clock()
        self.router = Router()
        self._underway = []
        self._started_ns = self.clock()
        self.restart()

    def restart(self):
        """A new server process."""
        totals = fakes.shared_counters()
        self.rings = [fakes.Ring(self.clock) for _ in DEVICES]
        self.sender = Sender(self.rings, totals, self.clock)
        self.receiver = Receiver(totals, self.clock)
        self.sources = FilteringSources()
        ports = [self._port(index) for index in range(2)]
        self.publisher = fakes.Publisher()
        self.state = ServerState(
            api_handler=new_handler(),
            clock=ServerClock(self.clock(), self.clock),
            counters=totals,
            rates=Rates(totals, self.clock()),
            ports=ports,
            groups=Groups(totals),
            events=EventLog(self.publisher.announce),
            captures=Captures(DEVICES, self.clock, self.sources),
            workers=self,
            publisher=self.publisher,
            outbox=Outbox([_Line(self, index) for index in range(2)], totals, self.clock),
        )
        self.announcer = Announcer(ports, self.state.outbox, self.clock)
        self.dispatcher = Dispatcher(table(self.state))

    def kill(self):
        """The server process is gone; nobody sends any more."""
        self.sender = Sender(self.rings, fakes.shared_counters(), self.clock)

    def _port(self, index):
        port = fakes.make_port(index, self.sources, DEVICES[index])
        mode = Ipv4Mode(octets(OWN[index]), octets(GATEWAYS[index]))
        port.addressing.set_layer3(mode, port.addressing.destination)
        return port

    # --- the server's workers

    def to_sender(self, order):
        self.sender.obey(order)

    def to_receiver(self, order):
        self.receiver.expect(order)

    # --- the wire

    def transmit(self, port, frame):
        """A frame leaves a port."""
        now = self.clock()
        self.sources.deliver(DEVICES[port], frame, now, outgoing=True)
        for delay_ms, side, answer in self.router.take(port, frame):
            self._underway.append((now + round(delay_ms * fakes.MS) + fakes.MS // 2, side, answer))

    def _arrive(self):
        now = self.clock()
        due = sorted((each for each in self._underway if each[0] <= now), key=lambda each: each[0])
        self._underway = [each for each in self._underway if each[0] > now]
        for port in range(2):
            arrived = [(at, frame) for at, side, frame in due if side == port]
            for at, frame in arrived:
                self.sources.deliver(DEVICES[port], frame, at, outgoing=False)
            if arrived:
                self.receiver.account(port, packets_of(arrived))
            self.state.ports[port].service.drain(lambda frame, port=port: self.state.outbox.send(port, frame))

    def _step(self):
        for ended in self.sender.tick():
            self.state.profile_ended(ended)
        for port, ring in enumerate(self.rings):
            sent, ring.sent = ring.sent, []
            for _, frame in sent:
                self.transmit(port, frame)
        self.state.outbox.send_due()
        self.announcer.announce_due()
        self.clock.advance(STEP_MS)
        self._arrive()
        self.receiver.end_of_period([])
        for capture in self.state.captures:
            capture.drain()
        self.state.rates.update(self.clock())

    # --- what a conversation is played to

    def begin(self):
        """From now on time counts."""
        self._started_ns = self.clock()

    def network(self, what):
        """Changes what the network does."""
        self.router.rule = rules()[what]

    def pause(self, seconds):
        """Lets time pass."""
        until_ns = self.clock() + seconds * 1e9
        while self.clock() < until_ns:
            self._step()

    def wait_until(self, seconds):
        """Lets time pass."""
        while self.clock() < self._started_ns + seconds * 1e9:
            self._step()

    def send(self, content):
        """Asks; a question and its answer take a millisecond."""
        self._step()
        return json.loads(self.dispatcher.answer(json.dumps(content).encode()))

    def send_raw(self, data):
        return json.loads(self.dispatcher.answer(data))


def packets_of(arrived):
    """Frames with their times as a receive ring gives them."""
    lengths = np.array([len(frame) for _, frame in arrived], dtype=np.int64)
    return Packets(
        data=np.frombuffer(b"".join(frame for _, frame in arrived), dtype=np.uint8),
        starts=np.cumsum(lengths) - lengths,
        captured=lengths,
        lengths=lengths,
        times_ns=np.array([at for at, _ in arrived], dtype=np.int64),
        vlan_tags=np.full(len(arrived), -1),
    )
