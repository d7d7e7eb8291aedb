"""A VNFM and a traffic generator that behave as a test wants."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from hitless.history import TrafficGroup
from hitless.mano.errors import ManoError, ProblemDetails, RefusedError
from hitless.mano.resources import Accepted, Operation, VnfInstance
from hitless.sut import SystemUnderTest, parse
from hitless.traffic import PlannedGroup, PortInfo, ServerInfo, TrafficError
from tests.sut.declarations import with_value, written

MARKS = {"1.0": "ip and ip[1] & 0xfc = 0x28", "2.0": "ip and ip[1] & 0xfc = 0x48"}


def declared(**values: Any) -> SystemUnderTest:
    """The right declaration with marks, and with values by path, two underscores for a dot."""
    data = with_value("vnf.marks", {"versions": MARKS, "instance": "source_mac"})
    for path, value in values.items():
        section: Any = data
        *around, last = path.split("__")
        for part in around:
            section = section.setdefault(part, {})
        section[last] = value
    return parse(written(data))


def refusal(status: int, detail: str = "no", request: str = "GET x") -> RefusedError:
    return RefusedError(request, status, ProblemDetails(status, "", detail, conforming=True), expected="success")


def instance(
    identifier: str = "i1", vnfd_id: str = "d1", *, instantiated: bool = True, version: str = ""
) -> VnfInstance:
    state = {"instantiationState": "INSTANTIATED" if instantiated else "NOT_INSTANTIATED"}
    return VnfInstance(identifier, vnfd_id, version, instantiated, (), None, state)


@dataclass
class FakeVnfm:
    """Remembers what it was asked; ``trouble`` maps a call to the error that it raises."""

    present: list[VnfInstance] = field(default_factory=list)
    versions: tuple[str, ...] = ("2.0.0",)
    trouble: dict[str, ManoError] = field(default_factory=dict)
    calls_back: bool = True
    made_version: str = ""
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str, what: str = "") -> None:
        self.calls.append(f"{name} {what}".strip())
        error = self.trouble.get(name)
        if error is not None:
            raise error

    def api_versions(self) -> tuple[str, ...]:
        self._called("api_versions")
        return self.versions

    def instances(self) -> tuple[VnfInstance, ...]:
        self._called("instances")
        return tuple(self.present)

    def instance(self, instance_id: str) -> VnfInstance:
        self._called("instance", instance_id)
        return next(one for one in self.present if one.id == instance_id)

    def create(self, vnfd_id: str, *, name: str, description: str = "") -> VnfInstance:
        self._called("create", f"{vnfd_id} {name}")
        assert description
        made = instance(f"made-{vnfd_id}", vnfd_id, instantiated=False, version=self.made_version)
        self.present.append(made)
        return made

    def delete(self, instance_id: str, *, conflict_patience_s: float) -> None:
        self._called("delete", instance_id)
        assert conflict_patience_s > 0
        self.present = [one for one in self.present if one.id != instance_id]

    def instantiate(self, instance_id: str, request: dict[str, Any]) -> Accepted:
        self._called("instantiate", instance_id)
        self.present = [instance(one.id, one.vnfd_id) if one.id == instance_id else one for one in self.present]
        return Accepted("op1", "op1", 0, 1)

    def operation(self, operation_id: str) -> Operation:
        return Operation(operation_id, "", "COMPLETED", "", None, {})

    def subscribe(self, callback_url: str, instance_id: str | None = None) -> str:
        self._called("subscribe")
        if self.calls_back:
            with requests.Session() as session:
                session.trust_env = False
                assert session.get(callback_url, timeout=5).status_code == 204
        return "s1"

    def unsubscribe(self, subscription_id: str) -> None:
        self._called("unsubscribe", subscription_id)


def port(number: int, **values: Any) -> PortInfo:
    plain = {
        "mac": f"m{number}",
        "driver": "net_fake",
        "speed_gbps": None,
        "link_up": True,
        "owner": "",
        "state": "IDLE",
    }
    return PortInfo(port=number, **(plain | values))


LAYOUT = {
    "lane_bits": 5,
    "index_bits": 3,
    "generation_user_bits": 6,
    "session_of_user_bits": 0,
    "index_position": "above-lane",
    "user_base": "10.1.64.0",
    "port_base": 1024,
}


def planned(pg_id: int, name: str, kind: str, rate_pps: float, part: str = "main") -> PlannedGroup:
    return PlannedGroup(TrafficGroup(pg_id, name, kind, "up", rate_pps, 96, LAYOUT), part, 0)


GROUPS = (
    planned(1, "load-up", "load", 700.0),
    planned(21, "new-sessions", "probe", 200.0),
    planned(20, "long-sessions", "probe", 100.0, "long"),
    planned(3, "filler-up", "load", 100.0, "filler"),
)


def frame(
    number: int = 0, *, dscp: int = 10, ttl: int = 64, mac: int = 1, vlan: int | None = None, probe: bool = True
) -> bytes:
    """A probe as it comes back: the opening packet of the lane, with its marks."""
    lane, index = number & 31, number >> 5 & 7
    payload = bytes([index]) + bytes(21)
    tail = struct.pack("<BBHIQ", 0xAB, 0, 0, (number - 2) % (1 << 32), 0) if probe else bytes(16)
    udp = struct.pack(">HHHH", 1024, 5001, 8 + len(payload) + 16, 0) + payload + tail
    addresses = bytes([10, 1, 64, lane, 10, 2, 0, 1])
    header = struct.pack(">BBHHHBBH", 0x45, dscp << 2, 20 + len(udp), 0xFFFF, 0, ttl, 17, 0) + addresses
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
    header = header[:10] + struct.pack(">H", checksum) + header[12:]
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return bytes(6) + bytes([2, 0, 0, 1, 0, mac]) + tag + b"\x08\x00" + header + udp


@dataclass
class FakeGenerator:
    """Sends at ``speed`` times the planned rate on a clock that ``sleep`` moves; loses as it is told."""

    ports: tuple[PortInfo, ...] = (port(0), port(1))
    packets: list[bytes] = field(default_factory=lambda: [frame(n, mac=1 + n % 2) for n in range(64)])
    speed: float = 1.0
    kept: float = 1.0
    ierrors: int = 0
    trouble: dict[str, TrafficError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    now_s: float = 0.0
    running: dict[str, float] = field(default_factory=dict)
    stopped: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("close")

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def _called(self, name: str, what: str = "") -> None:
        self.calls.append(f"{name} {what}".strip())
        if name in self.trouble:
            raise self.trouble[name]

    def connect(self, server: str, sync_port: int, async_port: int) -> ServerInfo:
        self._called("connect", f"{server} {sync_port} {async_port}")
        return ServerInfo("v3.08", "STL", "host", self.ports)

    def prepare(self, profile: Any, tunables: Any, ports: Any, *, force: bool) -> tuple[PlannedGroup, ...]:
        self._called("prepare", f"{profile.name} {' '.join(tunables)} {ports} {force}")
        return GROUPS

    def start(self, part: str) -> tuple[int, int]:
        self._called("start", part)
        self.running[part] = self.now_s
        return 0, 0

    def stop(self, part: str) -> tuple[int, int]:
        self._called("stop", part)
        self.stopped[part] = self.now_s
        return 0, 0

    def snapshot(self) -> dict[str, Any]:
        self._called("snapshot")
        asked_ns = round(self.now_s * 1e9)
        self.now_s += 0.002
        groups = []
        for one in GROUPS:
            lasted_s = self.stopped.get(one.part, self.now_s) - self.running.get(one.part, self.now_s)
            tx = round(one.group.rate_pps * lasted_s * self.speed)
            groups.append({"pg_id": one.group.pg_id, "name": one.group.name, "tx": tx, "rx": round(tx * self.kept)})
        errors = self.ierrors if self.calls.count("snapshot") > 1 else 0
        return {
            "asked_ns": asked_ns,
            "answered_ns": round(self.now_s * 1e9),
            "groups": groups,
            "ports": [{"port": 0, "ierrors": 0, "oerrors": 7}, {"port": 1, "ierrors": errors, "oerrors": 0}],
            "generator_cpu_percent": 12.4,
        }

    def sample_packets(self, bpf: str, count: int, within_s: float) -> list[bytes]:
        self._called("sample_packets", bpf)
        self.now_s += 0.5
        return self.packets[:count]
