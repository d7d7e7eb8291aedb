"""Hand-made documents of MANO: units that come and go, read as often as a tester reads them.

A ``Lifeline`` says what really happens to a unit; ``Management`` lets a tester look at it and keeps what is new, as a
recording does. ``StepScene`` puts both beside the packets of an upgrade of four units in four steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hitless.catalogue import load_catalogue
from hitless.history import History, Interval, Snapshot, TrafficGroup
from hitless.limits import applied_limits
from hitless.sessions import Layout
from tests.core.builders import LOAD, LONG, NEW_PAIRS, Scene, at

SOURCE_VNFD, TARGET_VNFD = "vnfd-1.0", "vnfd-2.0"
INSTANCE, OPERATION = "vnf-1", "op-1"
ANSWER_S = 0.01
"""How long a read takes."""


@dataclass(frozen=True)
class Lifeline:
    """What happens to a unit, in seconds of the scene.

    ``appeared_s`` None: from before; ``added_s``: the operation lists it as ADDED; ``removed_s``: it is gone from the
    instance and the operation lists it as REMOVED; ``modified_s``: it gets the target's software in place.
    """

    id: str
    vdu: str = "gateway"
    appeared_s: float | None = None
    added_s: float | None = None
    removed_s: float | None = None
    modified_s: float | None = None
    temporary: bool = False
    vnfd: str = ""

    def vnfd_at(self, second: float) -> str:
        if self.modified_s is not None:
            return TARGET_VNFD if second >= self.modified_s else SOURCE_VNFD
        return self.vnfd or (SOURCE_VNFD if self.appeared_s is None else TARGET_VNFD)

    def there(self, second: float) -> bool:
        begun = self.appeared_s is None or second >= self.appeared_s
        return begun and (self.removed_s is None or second < self.removed_s)

    def changes(self, second: float) -> list[str]:
        kinds = (
            (self.added_s, "TEMPORARY" if self.temporary else "ADDED"),
            (self.modified_s, "MODIFIED"),
            (self.removed_s, "REMOVED"),
        )
        return [kind for when, kind in kinds if when is not None and second >= when]


OLD = tuple(Lifeline(f"old-{n}", removed_s=22.6 + n * 0.3) for n in range(1, 5))
NEW = (
    Lifeline("new-1", appeared_s=11.0, added_s=12.4),
    Lifeline("new-2", appeared_s=15.0, added_s=15.5),
    Lifeline("new-3", appeared_s=17.0, added_s=17.5),
    Lifeline("new-4", appeared_s=19.0, added_s=19.5),
)
UNITS = (*OLD, *NEW)


def changed(unit_id: str, **attributes: Any) -> tuple[Lifeline, ...]:
    """Return the units of a clean upgrade with one of them changed."""
    return tuple(replace(unit, **attributes) if unit.id == unit_id else unit for unit in UNITS)


@dataclass(frozen=True)
class Management:
    """MANO and a tester that looks at it.

    Attributes:
        listed_late: the operation lists its changes only when it has ended.
        blind: stretches in which no read was answered.
        names_vnfd: whether units carry a vnfdId of their own where it differs from the instance's.
    """

    units: tuple[Lifeline, ...] = UNITS
    request_s: float = 10.0
    completed_s: float | None = 24.0
    end_s: float | None = 29.0
    poll_s: float = 0.1
    listed_late: bool = False
    blind: tuple[tuple[float, float], ...] = ()
    names_vnfd: bool = True
    without: tuple[str, ...] = ()

    def instance(self, second: float) -> dict[str, Any]:
        done = self.completed_s is not None and second >= self.completed_s
        own = TARGET_VNFD if done else SOURCE_VNFD
        there = [unit for unit in self.units if unit.there(second)]
        return {
            "id": INSTANCE,
            "vnfdId": own,
            "instantiatedVnfInfo": {"vnfcResourceInfo": [self._resource(unit, own, second) for unit in there]},
        }

    def _resource(self, unit: Lifeline, own: str, second: float) -> dict[str, Any]:
        vnfd = unit.vnfd_at(second)
        named = {"vnfdId": vnfd} if vnfd != own and self.names_vnfd else {}
        return {"id": unit.id, "vduId": unit.vdu, **named}

    def operation(self, second: float) -> dict[str, Any]:
        done = self.completed_s is not None and second >= self.completed_s
        listed = [
            {"id": unit.id, "vduId": unit.vdu, "vnfdId": unit.vnfd_at(second), "changeType": kind}
            for unit in self.units
            for kind in unit.changes(second)[-1:]
        ]
        shown = {} if self.listed_late and not done else {"resourceChanges": {"affectedVnfcs": listed}}
        state = "COMPLETED" if done else "PROCESSING"
        return {"id": OPERATION, "operation": "CHANGE_VNFPKG", "operationState": state, **shown}

    def snapshots(self) -> tuple[Snapshot, ...]:
        first_s = self.request_s - 0.05
        last_s = (self.completed_s or (self.end_s or 30.0) - 1.0) + 0.05
        polls = [float(one) for one in np.arange(self.request_s + 0.1, last_s + self.poll_s, self.poll_s)]
        polls = [one for one in polls if not any(low <= one < high for low, high in self.blind)]
        kept = [_single("vnf_instance", INSTANCE, "before", first_s, self.instance)]
        kept += _followed("operation", OPERATION, polls, self.operation)
        kept += _followed("vnf_instance", INSTANCE, [one + 0.02 for one in polls], self.instance)
        kept.append(_single("operation", OPERATION, "after", last_s + 0.2, self.operation))
        kept.append(_single("vnf_instance", INSTANCE, "after", last_s + 0.22, self.instance))
        if self.end_s is not None:
            kept.append(_single("vnf_instance", INSTANCE, "end", self.end_s, self.instance))
        return tuple(one for one in kept if one.label not in self.without and one.kind not in self.without)


def _single(kind: str, subject: str, label: str, second: float, read: Callable[[float], dict[str, Any]]) -> Snapshot:
    first = Interval(at(second), at(second + ANSWER_S))
    return Snapshot(kind, subject, label, first, at(second), read(second + ANSWER_S / 2))


def _followed(kind: str, subject: str, polls: list[float], read: Callable[[float], dict[str, Any]]) -> list[Snapshot]:
    """Keep a document when it differs from the one before."""
    kept: list[Snapshot] = []
    for number, second in enumerate(polls):
        document = read(second + ANSWER_S / 2)
        if kept and kept[-1].document == document:
            kept[-1] = replace(kept[-1], until_ns=at(second))
            continue
        before = polls[number - 1] if number else second
        first = Interval(at(before), at(second + ANSWER_S))
        kept.append(Snapshot(kind, subject, "followed", first, at(second), document))
    return kept


DECLARED: Mapping[str, Any] = {
    "vnf": {
        "source": {"vnfd_id": SOURCE_VNFD},
        "target": {"vnfd_id": TARGET_VNFD},
        "marks": {"instance": "source_mac"},
        "unit_capacity_pps": {"gateway": 2500, "gateway-large": 5000},
    },
    "upgrade": {"first_share": 0.1},
}


@dataclass
class StepScene(Scene):
    """A clean upgrade of four units in four steps; ``management`` is what MANO shows of it."""

    ended_s: float | None = 24.0
    stopped_s: float = 29.1
    shares: tuple[tuple[float, float], ...] = ((13.0, 0.1), (16.0, 0.33), (18.0, 0.66), (20.0, 1.0))
    long_until_s: float = 22.0
    states: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("STARTING", 10.1, {}),
        ("PROCESSING", 10.3, {}),
        ("COMPLETED", 24.05, {}),
    )
    management: Management = field(default_factory=Management)
    sut: Mapping[str, Any] = field(default_factory=lambda: DECLARED)

    def groups(self) -> tuple[TrafficGroup, ...]:
        load = 3000.0 * self.load_factor
        every = (
            TrafficGroup(1, "load-up", "load", "up", load, 128, LOAD),
            TrafficGroup(2, "load-down", "load", "down", load, 128, LOAD),
            TrafficGroup(3, "filler-up", "load", "up", 2000.0, 128, {**LOAD, "user_base": "10.1.32.0"}),
            TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG),
            TrafficGroup(21, "new-sessions", "probe", "up", 2000.0, 96, NEW_PAIRS),
        )
        return tuple(group for group in every if group.name not in self.without_groups)

    def history(self) -> History:
        names = tuple(f"{side}-{number}" for side in ("old", "new") for number in range(1, 5))
        return replace(super().history(), instances=names, snapshots=self.management.snapshots(), sut=self.sut)

    def _marks(self, group: TrafficGroup, number: np.ndarray, sent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        version, _ = super()._marks(group, number, sent)
        layout = Layout.from_data(group.layout)
        user = layout.user(number)
        opened = sent[number - layout.position(number) * layout.session_step] if len(number) else sent
        ready = sorted(unit.added_s for unit in self.management.units if unit.added_s is not None)
        available = np.clip(np.searchsorted(ready, opened, side="right"), 1, 4)
        return version, np.where(version > 0, 4 + (user >> 2) % available, user & 3).astype(np.int16)


def quick(requirement: str, **changes: float) -> dict[str, float]:
    """Return the limits of a quick run, some of them changed."""
    return {**applied_limits(load_catalogue(), requirement, "quick").numbers, **changes}
