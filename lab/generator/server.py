"""The server process: the two ZeroMQ ports, the captures' rings and the children, in one loop without threads."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import zmq

from lab.generator import children, commands, counters, framing, packet_socket, ports, statistics
from lab.generator.captures import Captures
from lab.generator.children import Child
from lab.generator.clock import ServerClock
from lab.generator.events import EventLog
from lab.generator.frames import PortAddresses
from lab.generator.groups import Groups
from lab.generator.health import HealthLog
from lab.generator.jsonrpc import Dispatcher
from lab.generator.messages import ReceiverOrder, SenderOrder
from lab.generator.ports import Port
from lab.generator.rates import Rates
from lab.generator.state import ServerState

_LOG = logging.getLogger(__name__)
_PUBLISH_EVERY_NS = 520_000_000
_LONGEST_WAIT_MS = 100
_ETHERNET_BYTES = 18  # header and one VLAN tag
_LARGEST_REQUEST = 999_999
_LINGER_MS = 200


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        devices: Network devices of port 0 and 1.
        next_hops: MAC addresses that the ports send to, unless a packet brings its own.
        listen: Address of both ZeroMQ ports.
        rpc_port: Requests.
        publisher_port: Published messages; 0 for any free port, as with rpc_port.
    """

    devices: tuple[str, str]
    next_hops: tuple[bytes, bytes]
    listen: str
    rpc_port: int
    publisher_port: int


class _Processes:
    """The sender and the receiver."""

    def __init__(self, devices: Sequence[str], descriptor: int) -> None:
        self.sender = children.start("sender", list(devices), descriptor)
        try:
            self.receiver = children.start("receiver", list(devices), descriptor)
        except children.ChildError:
            self.sender.stop()
            raise

    def all(self) -> tuple[Child, Child]:
        return self.sender, self.receiver

    def to_sender(self, order: SenderOrder) -> None:
        """Has the sender carry out an order."""
        self.sender.order(order)

    def to_receiver(self, order: ReceiverOrder) -> None:
        """Has the receiver carry out an order."""
        self.receiver.order(order)


class _Publisher:
    """The publisher port."""

    def __init__(self, sink: zmq.Socket[bytes], totals: counters.Counters, rates: Rates, clock: ServerClock) -> None:
        self._sink, self._totals, self._rates, self._clock = sink, totals, rates, clock
        self._next_ns = clock.now_ns()

    def announce(self) -> None:
        """An empty object: events wait."""
        self._sink.send(b"{}")

    def publish_global(self) -> None:
        """The global statistics."""
        message = statistics.published_global(self._totals, self._rates, self._clock.now_ns())
        self._sink.send(framing.pack(framing.Message(framing.to_json(message), compressed=True)))

    def publish_in_time(self) -> None:
        """The global statistics, about twice a second."""
        if self._clock.now_ns() >= self._next_ns:
            self._next_ns = self._clock.now_ns() + _PUBLISH_EVERY_NS
            self.publish_global()


class Server:
    """One generator, from start to stop."""

    def __init__(self, settings: Settings) -> None:
        """Starts the children and opens the ports.

        Raises:
            DeviceError: A network device is missing.
            ChildError: A child did not start.
            zmq.ZMQError: A port is in use.
        """
        self._devices = settings.devices
        port_list = [_port(index, settings) for index in range(len(settings.devices))]
        descriptor = counters.create()
        totals = counters.attach(descriptor)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._rpc = self._open(zmq.REP, settings.listen, settings.rpc_port)
        sink = self._open(zmq.PUB, settings.listen, settings.publisher_port)
        self._processes = _Processes(settings.devices, descriptor)
        clock = ServerClock.started_now()
        rates = Rates(totals, clock.now_ns())
        self._publisher = _Publisher(sink, totals, rates, clock)
        self.state = ServerState(
            api_handler=ports.new_handler(),
            clock=clock,
            counters=totals,
            rates=rates,
            ports=port_list,
            groups=Groups(totals),
            events=EventLog(self._publisher.announce),
            captures=Captures(settings.devices, clock.now_ns),
            workers=self._processes,
            publisher=self._publisher,
        )
        self._dispatcher = Dispatcher(commands.table(self.state))
        self._endpoints = tuple(each.getsockopt_string(zmq.LAST_ENDPOINT) for each in (self._rpc, sink))
        self._health = HealthLog(totals)
        self._stopping = False

    def _open(self, kind: int, listen: str, port: int) -> zmq.Socket[bytes]:
        opened = self._context.socket(kind)
        opened.setsockopt(zmq.LINGER, _LINGER_MS)
        opened.setsockopt(zmq.MAXMSGSIZE, _LARGEST_REQUEST)
        opened.bind(f"tcp://{listen}:{port}")
        return opened

    def describe(self) -> str:
        """Where it listens and what it uses, in one line."""
        rpc, publisher = self._endpoints
        return f"generator ready: rpc {rpc}, publisher {publisher}, ports {', '.join(self._devices)}"

    def stop_on_signals(self) -> None:
        """Lets SIGTERM and SIGINT end `run`."""
        self._wake, sleeper = socket.socketpair()
        for end in (self._wake, sleeper):
            end.setblocking(False)  # noqa: FBT003 - the socket module has no keyword for it
        signal.set_wakeup_fd(sleeper.fileno())
        self._sleeper = sleeper
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        _LOG.info("stopping on %s", signal.Signals(number).name)
        self._stopping = True

    def run(self) -> None:
        """Serves until a signal comes.

        Raises:
            ChildError: A child has died.
        """
        poller = zmq.Poller()
        poller.register(self._rpc, zmq.POLLIN)
        poller.register(self._wake.fileno(), zmq.POLLIN)
        for child in self._processes.all():
            poller.register(child.connection.fileno(), zmq.POLLIN)
        watched: set[int] = set()
        while not self._stopping:
            watched = self._watch_captures(poller, watched)
            ready = dict(poller.poll(_LONGEST_WAIT_MS))
            for capture in self.state.captures:
                if capture.unsettled or ready.keys() & capture.descriptors():
                    capture.drain()
            if self._rpc in ready:
                self._rpc.send(self._dispatcher.answer(self._rpc.recv()))
            self._look_after(ready)

    def _look_after(self, ready: dict[object, int]) -> None:
        for child in self._processes.all():
            if child.connection.fileno() in ready or child.ended:
                for message in child.poll():
                    self.state.profile_ended(message)
        self.state.rates.update(self.state.clock.now_ns())
        self._health.check()
        self._publisher.publish_in_time()

    def _watch_captures(self, poller: zmq.Poller, watched: set[int]) -> set[int]:
        wanted = {descriptor for capture in self.state.captures for descriptor in capture.descriptors()}
        for descriptor in watched - wanted:
            poller.unregister(descriptor)
        for descriptor in wanted - watched:
            poller.register(descriptor, zmq.POLLIN)
        return wanted

    def close(self) -> None:
        """Ends the children and closes the ports."""
        for child in self._processes.all():
            child.stop()
        for capture in self.state.captures:
            capture.close()
        self._context.destroy(linger=_LINGER_MS)


def _port(index: int, settings: Settings) -> Port:
    device = settings.devices[index]
    return Port(
        index=index,
        device=device,
        addresses=PortAddresses(packet_socket.mac_address(device), settings.next_hops[index]),
        largest_frame=packet_socket.mtu(device) + _ETHERNET_BYTES,
    )
