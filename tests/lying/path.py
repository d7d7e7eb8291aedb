"""The stand-in for a system under test: nftables rules that forward, mark by version and unit, and do what a test says.

Sessions stay where they were opened. Users' side is device f0, the network's f1.
"""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

RULES = """
table netdev sut {
  counter lost { }
  set target { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 30s; size 65536; }
  chain lies { }
  chain share { }
  chain old { ip dscp set 10; ether saddr set 02:00:00:00:00:01; fwd to "f1"; }
  chain new { ip dscp set 18; ether saddr set 02:00:00:00:00:02; fwd to "f1"; }
  chain up {
    type filter hook ingress device "f0" priority 0; policy drop;
    ip protocol != udp drop
    jump lies
    @th,64,8 0 jump share
    ip saddr . udp sport @target goto new
    goto old
  }
  chain down {
    type filter hook ingress device "f1" priority 0; policy drop;
    ip protocol != udp drop
    fwd to "f0"
  }
}
"""
OPENS_ON_NEW = "update @target { ip saddr . udp sport } goto new"
HALF = f"add rule netdev sut share ip saddr & 0.0.0.1 == 0.0.0.0 {OPENS_ON_NEW}"
ALL = f"flush chain netdev sut share; add rule netdev sut share {OPENS_ON_NEW}"
HONEST = "flush chain netdev sut lies"
FRESH = f"{HONEST}; flush chain netdev sut share; flush set netdev sut target"
DROP = 'counter name "lost" drop'
"""The end of a rule that loses packets."""
CUT_OFF = """
table inet cut {
  chain loopback { type filter hook input priority 0; tcp dport { 8001, 9900 } drop; tcp sport { 8001, 9900 } drop; }
}
"""
CONNECTED = "delete table inet cut"


def nft(commands: str) -> None:
    """Change the rules in one transaction."""
    subprocess.run(["nft", "-f", "-"], input=f"{commands}\n", text=True, check=True)


def lost_count() -> int:
    """Return how many packets were lost since this was asked last."""
    shown = subprocess.run(["nft", "-j", "reset", "counter", "netdev", "sut", "lost"], capture_output=True, check=True)
    return next(int(one["counter"]["packets"]) for one in json.loads(shown.stdout)["nftables"] if "counter" in one)


def lie(rule: str) -> str:
    """Return the command that adds a rule before all others of the way up."""
    return f"add rule netdev sut lies {rule}"


def make() -> None:
    """Bring up the devices and the rules."""
    run = [("set", "lo", "up")]
    for port, side in (("p0", "f0"), ("p1", "f1")):
        run.append(("add", port, "type", "veth", "peer", "name", side))
    for words in run:
        subprocess.run(["ip", "link", *words], check=True)
    for device in ("p0", "f0", "p1", "f1"):
        Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
        subprocess.run(["ip", "link", "set", device, "up"], check=True)
    nft(RULES)


class Keeper:
    """Keeps packets that the system under test has delivered, and delivers them once more, much later."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.bind(("p1", 0))
        self._socket.settimeout(0.0)
        self.frames: list[bytes] = []

    def keep(self, count: int) -> None:
        """Keep some of the packets that have come in."""
        while len(self.frames) < count:
            try:
                frame, (_, _, kind, *_) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            if kind in {socket.PACKET_HOST, socket.PACKET_OTHERHOST}:
                self.frames.append(frame)

    def deliver(self) -> None:
        """Send them again as if the system under test had held them."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
            out.bind(("f1", 0))
            for frame in self.frames:
                out.send(frame)

    def close(self) -> None:
        self._socket.close()
