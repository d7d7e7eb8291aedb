"""A few seconds of traffic through the system under test: is the load sent, does it come back, who served it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.preflight.generator import Generator
from hitless.preflight.observed import block_of, judge_marks, judge_survival
from hitless.sut import SystemUnderTest
from hitless.traffic import PlannedGroup, TrafficError, survey

_SETTLE_S = 1.0
_WINDOW_S = 4.0
_TAIL_S = 1.0
_SAMPLED_PACKETS = 300
_SAMPLE_WITHIN_S = 3.0
# What is sent together from the beginning of a run: one part that comes and goes, one that stays (ARCHITECTURE).
_REPLACEMENT_PART = "filler"
THE_WAY = ("traffic", "return", "probe packets")
"""Findings that fail when traffic cannot be sent or does not come back as it has to: nothing can be measured then."""
_TX_DEVIATION_MAX = 0.001  # metrics I2: the tester is short when it sends less than 0.999 of what was planned


@dataclass(frozen=True, slots=True)
class Window:
    """Counters at the beginning and the end of a window, and after the traffic has stopped."""

    first: dict[str, Any]
    last: dict[str, Any]
    after: dict[str, Any]


def send_through(
    sut: SystemUnderTest,
    generator: Generator,
    groups: tuple[PlannedGroup, ...],
    sleep: Callable[[float], None],
) -> Iterator[Finding]:
    """Send the rated load for some seconds and say what came of it. The profile must have been loaded."""
    running = tuple(one for one in groups if one.part != _REPLACEMENT_PART)
    try:
        window, packets = _send(generator, running, sleep)
    except TrafficError as error:
        yield failed("traffic", str(error), "look at the TRex server")
        return
    yield judge_load(window, running)
    yield judge_tester(window)
    yield judge_return(window)
    if not packets:
        message = f"no UDP packet reached port {sut.traffic.ports.network} - Expected: {_SAMPLED_PACKETS}"
        yield failed("probe packets", message, "look at the way through the system under test, from the users' port on")
        return
    planned = [one.group for one in running]
    yield from judge_survival(survey(packets, planned))
    marks = sut.vnf.marks
    yield from judge_marks(block_of(packets), marks.versions, marks.instance, sut.vnf.source.software_version)


def _send(
    generator: Generator, running: tuple[PlannedGroup, ...], sleep: Callable[[float], None]
) -> tuple[Window, list[bytes]]:
    parts = tuple(dict.fromkeys(one.part for one in running))
    started: list[str] = []
    try:
        for part in parts:
            generator.start(part)
            started.append(part)
        sleep(_SETTLE_S)
        first = generator.snapshot()
        packets = generator.sample_packets("udp", _SAMPLED_PACKETS, _SAMPLE_WITHIN_S)
        sleep(_WINDOW_S)
        last = generator.snapshot()
    finally:
        for part in started:
            generator.stop(part)
    sleep(_TAIL_S)
    return Window(first, last, generator.snapshot()), packets


def judge_load(window: Window, running: tuple[PlannedGroup, ...]) -> Finding:
    """Say whether the tester sends what was planned, to one in a thousand beyond what the clock leaves open."""
    planned_pps = sum(one.group.rate_pps for one in running)
    shortest_s = (window.last["asked_ns"] - window.first["answered_ns"]) / 1e9
    longest_s = (window.last["answered_ns"] - window.first["asked_ns"]) / 1e9
    sent = _total(window.last, running, "tx") - _total(window.first, running, "tx")
    actual_pps = 2 * sent / (shortest_s + longest_s)
    text = f"Expected: {planned_pps:g} pps within 0.1 % Actual: {actual_pps:.0f} pps over {longest_s:.1f} s"
    cpu = window.last.get("generator_cpu_percent")
    busy = f", generator CPU {cpu:.0f} %" if cpu is not None else ""
    if sent < planned_pps * (1 - _TX_DEVIATION_MAX) * shortest_s:
        return failed(
            "offered load", f"the tester sends too little - {text}{busy}", "lower the load or use a faster generator"
        )
    if sent > planned_pps * (1 + _TX_DEVIATION_MAX) * longest_s:
        return failed(
            "offered load", f"the tester sends too much - {text}{busy}", "look at the traffic profile's rates"
        )
    return ok("offered load", f"{actual_pps:.0f} pps over {longest_s:.1f} s, {planned_pps:g} pps planned{busy}")


def judge_tester(window: Window) -> Finding:
    """Say whether the tester itself loses packets."""
    before = {port["port"]: port for port in window.first["ports"]}
    lost = {
        f"port {port['port']} {kind}": port[kind] - before[port["port"]][kind]
        for port in window.after["ports"]
        for kind in ("ierrors", "oerrors")
    }
    found = [f"{name} {count}" for name, count in lost.items() if count]
    if found:
        message = f"the tester loses packets - Expected: ierrors 0, oerrors 0 Actual: {', '.join(found)}"
        return failed("tester", message, "larger rings, a lower load, or a faster generator")
    return ok("tester", "no errors at its own ports")


def judge_return(window: Window) -> Finding:
    """Say how much of what was sent came back, before any upgrade."""
    tx = sum(group["tx"] for group in window.after["groups"])
    rx = sum(group["rx"] for group in window.after["groups"])
    groups = [f"{one['name']} {one['tx'] - one['rx']}" for one in window.after["groups"] if one["tx"] != one["rx"]]
    if rx == 0:
        message = f"nothing comes back - Expected: {tx} packets Actual: 0"
        return failed("return", message, "look at the way through the system under test and at traffic.ports")
    if tx != rx:
        message = (
            f"{tx - rx} of {tx} packets are missing without any upgrade - Expected: 0 - by group: {', '.join(groups)}"
        )
        return warning("return", message, "a lossy baseline leaves verdicts inconclusive")
    return ok("return", f"all {tx} packets came back")


def _total(snapshot: dict[str, Any], running: tuple[PlannedGroup, ...], what: str) -> int:
    wanted = {one.group.pg_id for one in running}
    return sum(int(group[what]) for group in snapshot["groups"] if group["pg_id"] in wanted)
