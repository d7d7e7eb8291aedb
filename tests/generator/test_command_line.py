from __future__ import annotations

import pytest

from lab.generator import __main__ as command_line
from lab.generator import bpf, packet_socket
from lab.generator.addressing import Ipv4Mode
from lab.generator.children import ChildError
from lab.generator.packet_socket import DeviceError

GOOD = ["--port0", "lo", "--port1", "lo"]


class Server:
    """Remembers its settings and how it was treated."""

    def __init__(self, settings, problem=None):
        self.settings, self.problem, self.done = settings, problem, []

    def stop_on_signals(self):
        self.done.append("signals")

    def describe(self):
        return "generator ready: here"

    def run(self):
        self.done.append("run")
        if self.problem:
            raise self.problem

    def close(self):
        self.done.append("close")


@pytest.fixture
def made(monkeypatch):
    servers = []

    def make(settings):
        servers.append(Server(settings, make.problem))
        return servers[-1]

    make.problem = None
    monkeypatch.setattr(command_line, "Server", make)
    monkeypatch.setattr(bpf, "load_library", lambda: None)
    return make, servers


def test_defaults_are_trex_s_ports_on_loopback(made, capsys):
    assert command_line.main(GOOD) == 0
    settings = made[1][0].settings
    assert (settings.listen, settings.rpc_port, settings.publisher_port) == ("127.0.0.1", 4501, 4500)
    assert settings.next_hops == (bytes.fromhex("020000000d00"), bytes.fromhex("020000000d01"))
    assert capsys.readouterr().out == "generator ready: here\n"
    assert made[1][0].done == ["signals", "run", "close"]


def test_everything_can_be_chosen(made):
    more = ["--rpc", "5501", "--pub", "5500", "--listen", "0.0.0.0", "--next-hop1", "02:00:00:00:00:99"]
    assert command_line.main([*GOOD, *more]) == 0
    settings = made[1][0].settings
    assert (settings.rpc_port, settings.publisher_port, settings.listen) == (5501, 5500, "0.0.0.0")
    assert settings.next_hops[1] == bytes([2, 0, 0, 0, 0, 0x99])


def test_a_dead_child_ends_it_with_a_message(made, capsys):
    made[0].problem = ChildError("sender - has died")
    assert command_line.main(GOOD) == 1
    assert "generator: sender - has died" in capsys.readouterr().err
    assert made[1][0].done[-1] == "close"


def test_a_missing_library_is_named(monkeypatch, capsys):
    monkeypatch.setattr(bpf, "_LIBRARY", "libnothing.so.0")
    assert command_line.main(GOOD) == 1
    assert "apt install libpcap0.8" in capsys.readouterr().err


def test_ports_may_start_in_layer_3_mode(made):
    assert command_line.main([*GOOD, "--layer3-1", "10.20.0.1,10.20.0.254"]) == 0
    mode = Ipv4Mode(bytes([10, 20, 0, 1]), bytes([10, 20, 0, 254]))
    assert made[1][0].settings.ipv4 == (None, mode)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--port0", "lo"],
        [*GOOD, "--next-hop0", "zz"],
        [*GOOD, "--rpc", "x"],
        [*GOOD, "--layer3-0", "10.10.0.1"],
        [*GOOD, "--layer3-0", "10.10.0.1,gateway"],
        [*GOOD, "--layer3-0", "10.10.0.1,10.10.0.2,10.10.0.3"],
    ],
)
def test_wrong_arguments_are_explained(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_devices_are_asked_for_address_mtu_and_link():
    assert packet_socket.mac_address("lo") == bytes(6)
    assert packet_socket.mtu("lo") >= 1500
    assert isinstance(packet_socket.link_up("lo"), bool)


def test_a_missing_device_is_named():
    with pytest.raises(DeviceError, match="network device nothing0 - cannot be used"):
        packet_socket.mtu("nothing0")


def test_an_empty_filter_needs_no_library(monkeypatch):
    monkeypatch.setattr(bpf, "_LIBRARY", "libnothing.so.0")
    assert bpf.compile_filter("  ") == [(0x06, 0, 0, 0x40000)]
    with pytest.raises(bpf.LibraryError):
        bpf.compile_filter("udp")


def test_filters_for_sent_packets_check_the_packet_type_first():
    inner = [(0x06, 0, 0, 7)]
    assert bpf.only_outgoing(inner) == [
        (0x30, 0, 0, 0xFFFFF004),
        (0x15, 1, 0, 4),
        (0x06, 0, 0, 0),
        *inner,
    ]
