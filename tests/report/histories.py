"""Made-up histories of an upgrade, for tests of the report: rates, shares and losses as asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hitless.history import (
    UNMARKED,
    CounterSeries,
    Ending,
    Event,
    History,
    Interval,
    OperationState,
    ProbeRecords,
    Stall,
    TrafficGroup,
)

SECOND_NS = 1_000_000_000
ZERO_NS = 1_000 * SECOND_NS
"""Instant of the upgrade request in every made-up history."""

SHORT = {"lane_bits": 5, "index_bits": 3, "generation_user_bits": 6, "index_position": "above-lane"}
LONG = {"lane_bits": 11, "session_of_user_bits": 1, "index_position": "above-session"}

GROUPS = (
    TrafficGroup(1, "load-up", "load", "up", 3500, 128),
    TrafficGroup(2, "load-down", "load", "down", 3500, 128),
    TrafficGroup(20, "long-sessions", "probe", "up", 2000, 96, LONG),
    TrafficGroup(21, "new-sessions", "probe", "up", 1000, 96, SHORT),
)


@dataclass(frozen=True)
class Loss:
    """A share of the packets is lost from one second to another, counted from the request."""

    start_s: float
    end_s: float
    ratio: float


@dataclass(frozen=True)
class Plan:
    """What happens in a made-up upgrade. Seconds count from the request."""

    before_s: float = 7.0
    upgrade_s: float = 24.0
    after_s: float = 7.0
    losses: tuple[Loss, ...] = ()
    steps: tuple[tuple[float, float], ...] = ((4.0, 0.1), (10.0, 0.5), (16.0, 1.0))
    """From when on which share of the packets is served by the new version."""
    in_flight: int = 20
    stalls: tuple[tuple[float, float], ...] = ()
    sample_s: float = 0.1

    @property
    def end_s(self) -> float:
        return self.upgrade_s + self.after_s


def at(seconds):
    return ZERO_NS + round(seconds * SECOND_NS)


def lost_ratio(plan, instants_s):
    ratio = np.zeros_like(instants_s)
    for loss in plan.losses:
        ratio[(instants_s >= loss.start_s) & (instants_s < loss.end_s)] = loss.ratio
    return ratio


def counters(plan, groups=GROUPS):
    fine_s = np.arange(-plan.before_s, plan.end_s, 0.001)
    rates = np.array([group.rate_pps for group in groups])
    sent = np.vstack([np.zeros(len(groups)), np.cumsum(np.full((fine_s.size, 1), 0.001) * rates, axis=0)])
    lost = np.vstack([np.zeros(len(groups)), np.cumsum(lost_ratio(plan, fine_s)[:, None] * 0.001 * rates, axis=0)])
    picked = np.arange(0, sent.shape[0], round(plan.sample_s * 1000))
    asked_ns = ZERO_NS + np.round((picked * 0.001 - plan.before_s) * SECOND_NS).astype(np.int64)
    tx = np.round(sent[picked]).astype(np.int64)
    rx = np.round(sent[picked] - lost[picked]).astype(np.int64)
    # The last sample is taken after everything in flight has arrived.
    rx[1:-1] = np.maximum(rx[1:-1] - plan.in_flight // len(groups), 0)
    none = np.zeros((picked.size, 2), dtype=np.int64)
    return CounterSeries(
        asked_ns=asked_ns,
        answered_ns=asked_ns + 2_000_000,
        pg_ids=np.array([group.pg_id for group in groups], dtype=np.int32),
        tx=tx,
        rx=rx,
        port_ids=np.array([0, 1], dtype=np.int32),
        ierrors=none,
        oerrors=none,
        generator_cpu_percent=np.full(picked.size, 12.0),
    )


def probes(plan, groups=GROUPS, seed=1):
    random = np.random.default_rng(seed)
    columns = {name: [] for name in ("sent_ns", "pg_id", "number", "index", "version")}
    for group in groups:
        if group.kind != "probe":
            continue
        number = np.arange(int((plan.before_s + plan.end_s) * group.rate_pps))
        sent_s = number / group.rate_pps - plan.before_s
        back = random.random(number.size) >= lost_ratio(plan, sent_s)
        share = np.zeros(number.size)
        for start_s, value in plan.steps:
            share[sent_s >= start_s] = value
        columns["sent_ns"].append(np.array([at(0)]) + np.round(sent_s[back] * SECOND_NS).astype(np.int64))
        columns["pg_id"].append(np.full(int(back.sum()), group.pg_id))
        columns["number"].append(number[back])
        columns["index"].append((number[back] // 32) % 8)
        columns["version"].append((random.random(number.size) < share).astype(int)[back])
    joined = {name: np.concatenate(parts) if parts else np.empty(0, int) for name, parts in columns.items()}
    order = np.argsort(joined["sent_ns"], kind="stable")
    return ProbeRecords(
        sent_ns=joined["sent_ns"][order],
        received_ns=joined["sent_ns"][order] + 400_000,
        pg_id=joined["pg_id"][order].astype(np.int32),
        number=joined["number"][order],
        user=joined["number"][order] % 32,
        session=joined["number"][order] // 256,
        index=joined["index"][order].astype(np.int16),
        version=joined["version"][order].astype(np.int16),
        instance=np.full(order.size, UNMARKED, dtype=np.int16),
        clock_error_ns=50_000,
        unidentified_count=0,
        capture_lost_count=0,
    )


def state(name, entered_s, *, source="poll", width_s=0.1, operation_id="op-1", operation="CHANGE_VNFPKG"):
    entered = Interval(at(entered_s - width_s), at(entered_s))
    return OperationState(operation_id, operation, name, entered, source)


def operations(plan):
    changes = [("STARTING", 0.1), ("PROCESSING", 0.6), ("COMPLETED", plan.upgrade_s)]
    return tuple(
        state(name, when + late, source=source)
        for name, when in changes
        for source, late in (("notification", 0.0), ("poll", 0.15))
    )


def events(plan):
    pairs = [
        ("traffic-started", -plan.before_s),
        ("lead-in", -plan.before_s),
        ("baseline", -plan.before_s + 2),
        ("request", 0.0),
        ("cohort-stopped", plan.upgrade_s - 4),
        ("operation-ended", plan.upgrade_s),
        ("tail", plan.upgrade_s + 1),
        ("traffic-stopped", plan.end_s),
    ]
    return tuple(Event(at(seconds), name) for name, seconds in pairs)


def history(plan=None, *, groups=GROUPS, ending=Ending.COMPLETE):
    plan = plan or Plan()
    return History(
        procedure="upgrade-under-load",
        parameters={},
        ending=ending,
        ending_reason="" if ending is Ending.COMPLETE else "made up",
        versions=("1.0", "2.0"),
        instances=("vnfc-1", "vnfc-2"),
        groups=groups,
        rated_capacity_pps=10_000,
        session_timeout_s=5,
        counters=counters(plan, groups),
        probes=probes(plan, groups),
        operations=operations(plan),
        events=events(plan),
        stalls=tuple(Stall("sampler", at(start_s), at(end_s)) for start_s, end_s in plan.stalls),
    )


def empty_history():
    """A recording that was stopped before anything was measured."""
    nothing = np.empty(0, dtype=np.int64)
    none = np.empty((0, 0), dtype=np.int64)
    return History(
        procedure="upgrade-under-load",
        parameters={},
        ending=Ending.STOPPED_BY_TESTER,
        ending_reason="the generator did not start",
        versions=("1.0", "2.0"),
        instances=(),
        groups=GROUPS,
        rated_capacity_pps=10_000,
        session_timeout_s=5,
        counters=CounterSeries(nothing, nothing, nothing.astype(np.int32), none, none, nothing.astype(np.int32),
                               none, none, np.empty(0)),
        probes=ProbeRecords(nothing, nothing, nothing.astype(np.int32), nothing, nothing, nothing,
                            nothing.astype(np.int16), nothing.astype(np.int16), nothing.astype(np.int16), 0, 0, 0),
        operations=(),
        events=(),
        stalls=(),
    )  # fmt: skip


def clean_upgrade():
    return history()


def half_capacity():
    """The traditional way: half of the packets are lost while one half of the system is upgraded, then the other."""
    plan = Plan(steps=((12.0, 1.0),), losses=(Loss(3.0, 11.0, 0.5), Loss(13.0, 21.0, 0.5)))
    return history(plan)


def few_losses():
    """Just over the limit: a short black-out, and the tester stalled somewhere else."""
    return history(Plan(losses=(Loss(10.0, 10.02, 1.0),), stalls=((5.0, 5.4),)))
