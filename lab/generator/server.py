"""The server process: the two ZeroMQ ports, the captures' rings and the children, in one loop without threads."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import KeysView, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType

import zmq

from lab.generator import children, commands, counters, packet_socket, ports
from lab.generator.addressing import Addressing, Ipv4Mode
from lab.generator.announcer import Announcer, resolve
from lab.generator.captures import Captures
from lab.generator.children import Child
from lab.generator.clock import ServerClock
from lab.generator.events import EventLog, EventType
from lab.generator.groups import Groups
from lab.generator.health import HealthLog
from lab.generator.jsonrpc import Dispatcher
from lab.generator.links import LinkWatch
from lab.generator.messages import ReceiverOrder, SenderOrder
from lab.generator.outbox import Outbox, PacketLine
from lab.generator.ports import Port
from lab.generator.publisher import Publisher
from lab.generator.rates import Rates
from lab.generator.service import PortService
from lab.generator.sources import open_ring
from lab.generator.state import ServerState

_LOG = logging.getLogger(__name__)
_LONGEST_WAIT_MS = 100
_ETHERNET_BYTES = 18  # header and one VLAN tag
_LARGEST_REQUEST = 999_999
_LINGER_MS = 200
_MS_NS = 1_000_000


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        devices: Network devices of port 0 and 1.
        next_hops: MAC addresses that the ports send to, unless a packet brings its own.
        ipv4: For ports that start in layer 3 mode: their addresses; the next hop's MAC address is asked for then.
        listen: Address of both ZeroMQ ports.
        rpc_port: Requests.
        publisher_port: Published messages; 0 for any free port, as with rpc_port.
    """

    devices: tuple[str, str]
    next_hops: tuple[bytes, bytes]
    ipv4: tuple[Ipv4Mode | None, Ipv4Mode | None]
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
        lines = [PacketLine(device) for device in settings.devices]
        port_list = [_port(index, settings, lines[index]) for index in range(len(settings.devices))]
        descriptor = counters.create()
        totals = counters.attach(descriptor)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._rpc = self._open(zmq.REP, settings.listen, settings.rpc_port)
        sink = self._open(zmq.PUB, settings.listen, settings.publisher_port)
        self._processes = _Processes(settings.devices, descriptor)
        clock = ServerClock.started_now()
        rates = Rates(totals, clock.now_ns())
        self._publisher = Publisher(sink, totals, rates, clock)
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
            outbox=Outbox(lines, totals, clock.now_ns),
        )
        self._announcer = Announcer(port_list, self.state.outbox, clock.now_ns)
        self._links = LinkWatch(port_list, self.state.events, packet_socket.link_up, clock.now_ns)
        self._dispatcher = Dispatcher(commands.table(self.state))
        self._endpoints = tuple(each.getsockopt_string(zmq.LAST_ENDPOINT) for each in (self._rpc, sink))
        self._health = HealthLog(totals)
        self._stopping, self._cause = False, "server shutdown was requested"

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
        self._stopping, self._cause = True, f"received signal {signal.Signals(number).name}"

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
        while not self._stopping and not self.state.shutdown_requested:
            watched = self._watch_sources(poller, watched)
            ready = dict(poller.poll(self._longest_wait_ms()))
            self._take_packets(ready.keys())
            if self._rpc in ready:
                self._rpc.send(self._dispatcher.answer(self._rpc.recv()))
            self._look_after(ready)
        self.state.events.emit(EventType.SERVER_STOPPED, cause=self._cause)

    def _longest_wait_ms(self) -> int:
        due_ns = max(0, self._publisher.wait_ns()) + _MS_NS - 1  # not a little too early
        outbox_ns = self.state.outbox.wait_ns()
        waits_ns = (due_ns, outbox_ns) if outbox_ns is not None else (due_ns,)
        return min(_LONGEST_WAIT_MS, *(each // _MS_NS for each in waits_ns))

    def _take_packets(self, ready: KeysView[object]) -> None:
        for capture in self.state.captures:
            if capture.unsettled or ready & capture.descriptors():
                capture.drain()
        for port in self.state.ports:
            if ready & port.service.descriptors():
                port.service.drain(partial(self.state.outbox.send, port.index))

    def _look_after(self, ready: dict[object, int]) -> None:
        for child in self._processes.all():
            if child.connection.fileno() in ready or child.ended:
                for message in child.poll():
                    self.state.profile_ended(message)
        self.state.outbox.send_due()
        self._announcer.announce_due()
        self._links.check()
        self.state.rates.update(self.state.clock.now_ns())
        self._health.check()
        self._publisher.publish_in_time()

    def _watch_sources(self, poller: zmq.Poller, watched: set[int]) -> set[int]:
        wanted = {descriptor for capture in self.state.captures for descriptor in capture.descriptors()}
        wanted |= {descriptor for port in self.state.ports for descriptor in port.service.descriptors()}
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
        for port in self.state.ports:
            port.service.close()
        self._context.destroy(linger=_LINGER_MS)


def _port(index: int, settings: Settings, line: PacketLine) -> Port:
    device = settings.devices[index]
    addressing = Addressing(packet_socket.mac_address(device), settings.next_hops[index])
    mode = settings.ipv4[index]
    if mode is not None:
        addressing.set_layer3(mode, None)
        if not resolve(device, addressing, line, open_ring):
            gateway = ipaddress.IPv4Address(mode.gateway)
            _LOG.warning("port %d - gateway %s does not answer ARP; the port starts unresolved", index, gateway)
    return Port(
        index=index,
        device=device,
        addressing=addressing,
        service=PortService(device, addressing, open_ring),
        largest_frame=packet_socket.mtu(device) + _ETHERNET_BYTES,
    )
