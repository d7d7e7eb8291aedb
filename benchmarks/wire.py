"""Two network namespaces joined by one veth pair: who sends is here, who receives and the sink are over there.

The sink counts and drops the benchmark's packets behind the taps of packet sockets, so that nobody answers them; what
iperf3 needs beside them passes.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.packets import SINK_MAC, SIZES, SOURCE_MAC, ip_bytes

HERE, THERE = "p0", "s0"
IDLE_HERE, IDLE_THERE = "i0", "j0"
"""The generator has two ports; the other one is joined to nothing that matters."""
OWN_ADDRESS, SINK_ADDRESS = "10.99.0.1", "10.99.0.2"
_HOLD_S = 900
_TIMEOUT_S = 10


class WireError(RuntimeError):
    """The namespaces cannot be made or do not behave."""


def sink_rules(sizes: Sequence[int] = SIZES) -> str:
    """Return what the sink does: count and drop UDP of the benchmark's sizes, let everything else through."""
    lengths = ", ".join(str(ip_bytes(size)) for size in sizes)
    return f"""
table netdev sink {{
    counter sunk {{ }}
    chain arriving {{
        type filter hook ingress device "{THERE}" priority 0; policy accept;
        ip protocol udp ip length {{ {lengths} }} counter name sunk drop
    }}
}}
"""


@dataclass(frozen=True)
class Passed:
    """Packets so far.

    Attributes:
        sent: that the sending end of the pair took.
        sunk: that came to the sink.
    """

    sent: int
    sunk: int


class Wire:
    """The pair, for as long as the context lasts. Needs a network namespace of its own to begin with."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", str(_HOLD_S)])

    def __enter__(self) -> Self:
        try:
            self._wait_for_namespace()
            self._make()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def there(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs in the other namespace."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *command]

    def sent(self) -> int:
        """Return how many packets the sending end has taken so far; quick, for use while packets flow."""
        return transmitted(Path("/proc/self/net/dev").read_text(), HERE)

    def passed(self) -> Passed:
        """Return what was sent and what came to the sink so far."""
        listing = json.loads(_run(self.there(["nft", "-j", "list", "counter", "netdev", "sink", "sunk"])))
        counters = [each["counter"]["packets"] for each in listing["nftables"] if "counter" in each]
        return Passed(self.sent(), int(counters[0]))

    def _wait_for_namespace(self) -> None:
        mine = Path("/proc/self/ns/net").readlink()
        for _ in range(500):
            if Path(f"/proc/{self._holder.pid}/ns/net").readlink() != mine:
                return
            time.sleep(0.01)
        raise WireError("namespace - not there - Expected: within 5 s, Actual: none - see unshare(1)")

    def _make(self) -> None:
        pairs = ((HERE, THERE), (IDLE_HERE, "i1"))
        for one, other in pairs:
            _run(["ip", "link", "add", one, "type", "veth", "peer", "name", other])
        _run(["ip", "link", "set", HERE, "address", SOURCE_MAC])
        _run(["ip", "link", "set", THERE, "address", SINK_MAC, "netns", str(self._holder.pid)])
        _run(self.there(["ip", "link", "add", IDLE_THERE, "type", "veth", "peer", "name", "j1"]))
        for device in ("lo", HERE, IDLE_HERE, "i1"):
            _up([], device)
        for device in ("lo", THERE, IDLE_THERE, "j1"):
            _up(self.there([]), device)
        _run(["ip", "address", "add", f"{OWN_ADDRESS}/24", "dev", HERE])
        _run(self.there(["ip", "address", "add", f"{SINK_ADDRESS}/24", "dev", THERE]))
        _run(self.there(["nft", "-f", "-"]), sink_rules())

    def _end(self) -> None:
        self._holder.kill()
        self._holder.wait()


def transmitted(devices: str, name: str) -> int:
    """Return how many packets a device has sent, from the text of /proc/net/dev (proc(5)).

    Raises:
        WireError: there is no such device.
    """
    for line in devices.splitlines():
        device, _, figures = line.partition(":")
        if device.strip() == name:
            return int(figures.split()[9])
    raise WireError(f"network device {name} - not there - Expected: a line of /proc/net/dev, Actual: none")


def _up(prefix: Sequence[str], device: str) -> None:
    quiet = f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6"
    _run([*prefix, "sh", "-c", f"! [ -e {quiet} ] || echo 1 > {quiet}"])
    _run([*prefix, "ip", "link", "set", device, "up"])


def _run(command: Sequence[str], text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise WireError(
            f"command - {' '.join(command)} - Expected: exit code 0, Actual: {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout
