"""Our generator as the suite uses it: its process with both children, and orders over TRex's RPC."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import zmq

from benchmarks.packets import frame

_RPC_PORT = 4501
_ANSWER_TIMEOUT_MS = 10_000
_PAYLOAD_AT, _PORT_AT, _USER_AT = 42, 34, 28  # in an untagged frame of UDP over IPv4; of the user, the low two bytes
_OWNER, _SESSION = "benchmark", 7
LATENCY, FLOW = "latency", "stats"


class GeneratorError(RuntimeError):
    """The generator did not start or refused an order."""


class Generator:
    """A running generator, in the namespace that ``prefix`` enters."""

    def __init__(self, devices: tuple[str, str], prefix: Sequence[str] = ()) -> None:
        words = [sys.executable, "-m", "lab.generator", "--port0", devices[0], "--port1", devices[1]]
        self.process = subprocess.Popen([*prefix, *words], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if "ready" not in line:
            self.process.kill()
            raise GeneratorError(f"generator - did not start - Expected: ready, Actual: {line!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Client:
    """Orders to a generator of this namespace; port 0 is ours."""

    def __init__(self) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REQ)
        self._socket.setsockopt(zmq.RCVTIMEO, _ANSWER_TIMEOUT_MS)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"tcp://127.0.0.1:{_RPC_PORT}")
        self._api: dict[str, Any] = {}
        self._api = {"api_h": self.call("api_sync_v2", name="STL", major=5, minor=1)["api_h"]}
        self._handler = self.call("acquire", port_id=0, user=_OWNER, session_id=_SESSION, force=True)

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the result of a request.

        Raises:
            GeneratorError: it was refused.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, **self._api}}
        self._socket.send(json.dumps(request).encode())
        answer = json.loads(self._socket.recv())
        if "error" in answer:
            raise GeneratorError(f"generator - {method} refused - Expected: a result, Actual: {answer['error']}")
        return answer["result"]

    def start(self, stream: dict[str, Any], duration_s: float) -> None:
        """Send one stream for so long."""
        owned = {"handler": self._handler, "port_id": 0, "profile_id": "_"}
        self.call("remove_all_streams", **owned)
        self.call("add_stream", stream_id=1, stream=stream, **owned)
        multiplier = {"type": "raw", "op": "abs", "value": 1.0}
        self.call("start_traffic", mul=multiplier, duration=duration_s, force=True, **owned)

    def stop(self) -> None:
        """Send nothing any more."""
        self.call("stop_traffic", handler=self._handler, port_id=0, profile_id="_")

    def counts(self, port: int) -> tuple[int, int]:
        """Return how many packets came in at a port, and how many were lost in its ring."""
        figures = self.call("get_port_stats", port_id=port)
        return int(figures["ipackets"]), int(figures["ierrors"])

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def port_counts(prefix: Sequence[str], port: int) -> tuple[int, int]:
    """Return the counts of a port of a generator in another namespace, asked by a process there."""
    words = [sys.executable, "-m", "benchmarks.generator", str(port)]
    done = subprocess.run([*prefix, *words], capture_output=True, text=True, timeout=20, check=True)
    packets, errors = json.loads(done.stdout)
    return packets, errors


def settled_counts(client: Client, port: int, attempts: int = 40) -> tuple[int, int]:
    """Return the counts of a port once they stand still: a block of the ring comes a little after its packets."""
    before = client.counts(port)
    for _ in range(attempts):
        time.sleep(0.05)
        now = client.counts(port)
        if now == before:
            break
        before = now
    return before


def stream(frame_bytes: int, rate_pps: float, kind: str) -> dict[str, Any]:
    """Return a stream as the suite's probes are: users, ports and index change from packet to packet.

    Args:
        frame_bytes: size with FCS.
        rate_pps: packets per second.
        kind: ``latency`` (each with sequence number and time stamp) or ``stats`` (counted only).
    """
    instructions: list[dict[str, Any]] = [
        _variable(),
        _masked(_USER_AT + 0, 0x1F, 0),
        _masked(_USER_AT + 0, 0x3F << 5, -4),
        _masked(_PORT_AT, 0x3FFF << 1, -14),
        _masked(_PORT_AT, 0x01, -5),
        _masked(_PAYLOAD_AT, 0x07, -6, size=1),
        {"type": "fix_checksum_ipv4", "pkt_offset": 14},
    ]
    return {
        "flags": 3,  # MAC addresses as they are in the packet
        "action_count": 0,
        "enabled": True,
        "self_start": True,
        "isg": 0.0,
        "mode": {"type": "continuous", "rate": {"type": "pps", "value": rate_pps}},
        "packet": {"binary": base64.b64encode(frame(frame_bytes)).decode(), "meta": ""},
        "vm": {"instructions": instructions},
        "flow_stats": {"enabled": True, "stream_id": 1, "rule_type": kind, "vxlan": False},
        "next_stream_id": -1,
    }


def _variable() -> dict[str, Any]:
    names = {"type": "flow_var", "name": "n", "size": 4, "op": "inc", "next_var": None}
    return {**names, "init_value": 0, "min_value": 0, "max_value": 0xFFFFFFFF, "step": 1}


def _masked(offset: int, mask: int, shift: int, size: int = 2) -> dict[str, Any]:
    place = {"type": "write_mask_flow_var", "name": "n", "pkt_offset": offset, "pkt_cast_size": size}
    return {**place, "mask": mask, "shift": shift, "add_value": 0, "is_big_endian": True}


if __name__ == "__main__":
    _client = Client()
    sys.stdout.write(json.dumps(settled_counts(_client, int(sys.argv[1]))))
    _client.close()
