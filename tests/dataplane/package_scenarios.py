"""Rulesets of packages in a real kernel: one unit's devices with somebody at their other ends, nothing else."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import nfnetlink, nft
from lab.vnf.package import load_software
from lab.vnf.ruleset import UnitSettings, render
from tests.dataplane.packets import USER_BASE

PACKAGES = Path(__file__).resolve().parents[2] / "lab" / "vnf" / "packages"
TABLE = "gateway"
WIDE_PPS = 1_000_000
"""So many packets per second that the policer never matters."""
IP_HEADER = 20
UDP_HEADER = 8


def load_rulesets() -> Any:
    """Each package's ruleset in force for a moment; its counters."""
    _devices()
    loaded = {}
    for package in sorted(path.parent for path in PACKAGES.glob("*/software.yaml")):
        _load(package)
        loaded[package.name] = sorted(nfnetlink.counters(TABLE))
        nft.commit(f"delete table netdev {TABLE}\n")
    return loaded


def fault() -> Any:
    """The faulty build: 256 users before it has forwarded much, and the same users afterwards."""
    _devices()
    _load(PACKAGES / "2.0-faulty")
    users = list(range(256))
    with _port("users") as up, _port("network") as down:
        up.send(_frame(0xF1))
        _receive(down, 1)
        _send(up, users)
        before = _await_counters(received=1 + len(users))
        _receive(down, len(users))
        for _ in range(600):  # packets of 1400 bytes: more than 800 kB
            up.send(_frame(0xF1, ip_bytes=1400))
        _await_counters(received=1 + len(users) + 600)
        _receive(down, 600)
        _send(up, users)
        after = _await_counters(received=1 + 2 * len(users) + 600)
        came = _receive(down, len(users) - after["internal_error"])
    return {
        "users": users,
        "sent_before": 1 + len(users),
        "before": before,
        "after": after,
        "lost_users": sorted(set(users) - set(came)),
    }


def _devices() -> None:
    for device, peer in (("access", "users"), ("core", "network")):
        subprocess.run(["ip", "link", "add", device, "type", "veth", "peer", "name", peer], check=True)
        for name in (device, peer):
            # Without addresses nobody speaks but us.
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            subprocess.run(["ip", "link", "set", name, "up"], check=True)


def _load(package: Path) -> None:
    nft.commit(render(load_software(package), UnitSettings(1, WIDE_PPS)))


def _port(device: str) -> socket.socket:
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    port.bind((device, 0x0800))
    port.settimeout(10)
    return port


def _send(port: socket.socket, users: Sequence[int]) -> None:
    for user in users:
        port.send(_frame(user))


def _frame(user: int, ip_bytes: int = 100) -> bytes:
    """The opening packet of a user's session."""
    ethernet = bytes.fromhex("0200000000010200000000020800")
    addresses = struct.pack("!II", USER_BASE + user, USER_BASE)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, ip_bytes, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    udp = struct.pack("!HHHH", 1024, 5001, ip_bytes - IP_HEADER, 0)
    return ethernet + ip + udp + bytes(ip_bytes - IP_HEADER - UDP_HEADER)


def _receive(port: socket.socket, count: int) -> list[int]:
    """The users of the next packets that arrive from the unit."""
    return [struct.unpack_from("!I", port.recv(2048), 14 + 12)[0] - USER_BASE for _ in range(count)]


def _await_counters(received: int) -> dict[str, int]:
    """The counters once the unit has seen so many packets."""
    deadline_s = time.monotonic() + 10
    while (counters := nfnetlink.counters(TABLE))["received"] < received:
        assert time.monotonic() < deadline_s, counters
    return counters
