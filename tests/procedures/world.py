"""A generator and a VNFM on paper, with a clock of their own: what procedures meet in these tests."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from hitless.history import Attempt
from hitless.mano.errors import ProblemDetails, RefusedError
from hitless.mano.resources import Accepted, Listing, Operation, VnfInstance
from hitless.procedures.bench import Bench, Timing
from hitless.recording import PcapWriter, load
from hitless.recording.manifest import CAPTURES, CLOCK, COUNTERS, PROBES, write_json
from hitless.sut import parse
from hitless.traffic import PlannedGroup
from tests.core.test_recording import GROUPS, clock_pairs, counters

SECOND = 1_000_000_000
DECLARATION = """
schema_version: 1
name: x
vnf:
  source: {vnfd_id: vnfd-1, software_version: "1.0"}
  target: {vnfd_id: vnfd-2, software_version: "2.0"}
  failing: {vnfd_id: vnfd-bad, software_version: "2.0-bad"}
  disabled_vnfd_id: vnfd-0
  flavour_id: default
  instance_id: i-1
  rated_capacity: {value_pps: 10000, frame_bytes: 128, new_sessions_per_s: 100}
  session_timeout_s: 5
  marks: {versions: {"2.0": "ip[1] & 0xfc = 0x48", "1.0": "ip[1] & 0xfc = 0x28"}, instance: source_mac}
mano: {sol003: {api_root: "http://127.0.0.1:1"}}
notifications: null
upgrade: {deadline_s: 60, drain_timeout_s: 60, additional_params: {pace: slow}, step_params: {pace: steady}}
decider: {command: [set-rules], hold_params: {hold: true}}
traffic: {profile: p.py, trex: {server: 127.0.0.1}, ports: {users: 0, network: 1}, attachment: l2}
"""
PERMITTED = {
    "PROCESSING": {"cancel": "FAILED_TEMP"},
    "FAILED_TEMP": {"retry": "PROCESSING", "rollback": "ROLLING_BACK", "fail": "FAILED"},
    "ROLLING_BACK": {"cancel": "FAILED_TEMP"},
}


class World:
    """The clock, and everything that a procedure meets.

    An operation takes ``took_s`` and ends in ``final``; its share of the new version grows in a straight line
    meanwhile, from ``share_from_s`` on.
    """

    def __init__(self, declaration=DECLARATION):
        self.declaration = declaration
        self.now_ns = 100 * SECOND
        self.log = []
        self.said = []
        self.final = "COMPLETED"
        self.took_s = 20.0
        self.share_from_s = 2.0
        self.rolling_back_s = 1.0
        self.requested_ns = None
        self.settled_by_task = None
        self.state = ""
        self.entered_ns = 0
        self.request = {}
        self.vnfd_id = "vnfd-1"
        self.refuse = {}
        self.accept = set()
        self.operation_ids = []
        self.rules = []
        self.later = []
        self.on_request = self.on_poll = self.on_snapshot = lambda: None

    def clock_ns(self):
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += max(1, int(seconds * SECOND))
        for due in [one for one in self.later if one[0] <= self.now_ns]:
            self.later.remove(due)
            due[1]()

    def in_s(self, seconds, what):
        """Have something happen so many seconds from now."""
        self.later.append((self.now_ns + int(seconds * SECOND), what))

    def begin(self, request):
        """Let an operation begin; return its identifier."""
        self.operation_ids.append(f"op-{len(self.operation_ids) + 1}")
        self.request = dict(request)
        self.requested_ns = self.now_ns
        self.enter("PROCESSING")
        return self.operation_ids[-1]

    def enter(self, state):
        self.state, self.entered_ns = state, self.now_ns

    def go_on(self):
        """Let the operation do by itself what it does in the time that has passed."""
        in_state_s = (self.now_ns - self.entered_ns) / SECOND
        if self.state == "PROCESSING" and in_state_s >= self.took_s:
            self.enter(self.final)
            if self.final == "COMPLETED":
                self.vnfd_id = self.request["vnfdId"]
        elif self.state == "ROLLING_BACK" and in_state_s >= self.rolling_back_s:
            self.enter("ROLLED_BACK")

    def share(self):
        """Return the part of new sessions that the new version serves now."""
        if self.state != "PROCESSING":
            return 0.0
        since_s = (self.now_ns - self.entered_ns) / SECOND - self.share_from_s
        return float(np.clip(since_s / 8, 0, 1))

    def opened_sessions(self):
        """Return a hundred sessions that have just begun, with the marks of the present share."""
        on_new = round(self.share() * 100)
        versions = np.zeros(100, np.int16)
        versions[:on_new] = 1
        return np.full(100, self.now_ns, np.int64), versions


class FakeVnfm:
    def __init__(self, world):
        self.world = world

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def instance(self, identifier, *, patience_s=None):
        self.world.go_on()
        units = [{"id": f"old-{n}", "vduId": "gw"} for n in range(4)]
        if self.world.state == "PROCESSING" and self.world.now_ns - self.world.entered_ns > SECOND:
            units.append({"id": "new-1", "vduId": "gw", "vnfdId": self.world.request["vnfdId"]})
        info = {"vnfcResourceInfo": units, "scaleStatus": [{"aspectId": "gateway", "scaleLevel": 0}]}
        document = {"id": identifier, "vnfdId": self.world.vnfd_id, "instantiatedVnfInfo": info}
        read_ns = self.world.now_ns
        return VnfInstance(
            identifier, self.world.vnfd_id, "1.0", instantiated=True, vnfcs=(), etag=None, document=document,
            shown=document, asked_ns=read_ns, answered_ns=read_ns,
        )  # fmt: skip

    def create(self, vnfd_id, *, name, description=""):
        self.world.log.append(("create", vnfd_id))
        return VnfInstance("i-2", vnfd_id, "", instantiated=False, vnfcs=(), etag=None, document={"id": "i-2"})

    def delete(self, identifier):
        self.world.log.append(("delete", identifier))

    def change_vnfpkg(self, identifier, request):
        self.world.on_request()
        self.world.log.append(("change_vnfpkg", identifier, dict(request)))
        if "change_vnfpkg" in self.world.refuse:
            status = self.world.refuse["change_vnfpkg"]
            raise RefusedError("POST x", status, ProblemDetails(status, "", "busy", conforming=True), expected="202")
        operation_id = self.world.begin(request)
        return Accepted(operation_id, f"http://x/{operation_id}", self.world.now_ns, self.world.now_ns)

    def operation(self, identifier, *, patience_s=None):
        self.world.now_ns += SECOND // 1000
        self.world.on_poll()
        self.world.go_on()
        state = self.world.state
        error = ProblemDetails(500, "no image", "image missing", conforming=True) if state == "FAILED_TEMP" else None
        added = self.world.now_ns - self.world.requested_ns > 1.5 * SECOND
        affected = [{"id": "new-1", "changeType": "ADDED"}] if added else []
        document = {
            "id": identifier, "operationState": state, "resourceChanges": {"affectedVnfcs": affected},
            "stateEnteredTime": str(self.world.entered_ns),
        }  # fmt: skip
        read_ns = self.world.now_ns
        return Operation(
            identifier, "CHANGE_VNFPKG", state, "i-1", error, document, shown=document, asked_ns=read_ns,
            answered_ns=read_ns,
        )  # fmt: skip

    def operations(self, instance_id):
        return tuple(self.operation(one) for one in self.world.operation_ids)

    def listed_operations(self, instance_id):
        items = tuple({"id": one} for one in self.world.operation_ids)
        return Listing(items, self.world.now_ns, self.world.now_ns)

    def try_change_vnfpkg(self, instance_id, request, *, name="change_vnfpkg", operation_id="", state="", params=None):
        if name == "change_vnfpkg":
            self.world.log.append((name, instance_id, dict(request)))
            return self._attempt(name, 202, self.world.begin(request), state)
        self.world.log.append((name, state))
        return self._attempt(name, 202 if name in self.world.accept else 409, operation_id, state)

    def try_scale(self, instance_id, request, *, name="second-scale", operation_id="", state=""):
        self.world.log.append((name, state, request["aspectId"]))
        return self._attempt(name, 409, operation_id, state)

    def try_terminate(self, instance_id, *, name="second-terminate", operation_id="", state=""):
        self.world.log.append((name, state))
        return self._attempt(name, 409, operation_id, state)

    def try_task(self, operation_id, task, body=None, *, state=""):
        self.world.now_ns += SECOND // 1000
        self.world.go_on()
        self.world.log.append((task, self.world.state, dict(body or {})))
        wanted = PERMITTED.get(self.world.state, {}).get(task)
        if task in self.world.refuse:
            wanted = None
        if wanted is None:
            accepted = (task, self.world.state) in self.world.accept
            return self._attempt(task, 202 if accepted else 409, operation_id, state)
        self.world.enter(wanted)
        return self._attempt(task, 200 if task == "fail" else 202, operation_id, state)

    def _attempt(self, name, status, operation_id, state):
        now_ns = self.world.now_ns
        body = {"status": status, "detail": "no"} if status >= 400 else None
        return Attempt(name, operation_id, state, now_ns, now_ns, "POST", f"/{name}", status, body=body)


class FakeGenerator:
    def __init__(self, world):
        self.world = world

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.world.log.append(("generator closed",))

    def connect(self, *_):
        pass

    def prepare(self, profile, arguments, ports, *, force):
        self.world.log.append(("prepare", tuple(arguments), ports))
        return tuple(PlannedGroup(group, "main", 0) for group in GROUPS)

    def record_start(self, folder):
        self.folder = folder
        self.world.log.append(("record_start",))

    def start(self, part):
        self.world.log.append(("start", part))
        return self.world.now_ns, self.world.now_ns

    def stop(self, part):
        self.world.log.append(("stop", part))
        return self.world.now_ns, self.world.now_ns

    def snapshot(self):
        self.world.on_snapshot()
        return {"groups": [{"tx": 1, "rx": 1}]}

    def record_stop(self):
        self.world.log.append(("record_stop",))
        series = counters()
        np.savez(self.folder / COUNTERS, **{field.name: getattr(series, field.name) for field in fields(series)})
        pairs = clock_pairs()
        write_json(
            self.folder / CLOCK, {name: getattr(pairs, name) for name in ("uptime_pairs", "tsc_pairs", "tsc_hz")}
        )
        write_json(self.folder / CAPTURES, {"captures": []})
        PcapWriter(self.folder / PROBES).close()
        return {"settled": True}


def bench_of(world, folder):
    """Return a bench whose means are all on paper."""
    return Bench(
        parse(world.declaration),
        "quick",
        Timing(2, 10, 5),
        world.said.append,
        folder,
        world.clock_ns,
        world.sleep,
        make_vnfm=lambda *_, **__: FakeVnfm(world),
        make_traffic=lambda _: FakeGenerator(world),
    )


def record_with(procedure, world, folder, load_percent=100.0):
    """Record a procedure and read the recording."""
    target = folder / "recording"
    procedure(bench_of(world, folder), target, load_percent=load_percent)
    return load(target)


def names(history):
    return [event.name for event in history.events]


def details(history, name):
    return [event.detail for event in history.events if event.name == name]
