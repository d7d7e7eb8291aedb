"""All checks in their order; each says its finding as soon as it has it, and none raises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from hitless.catalogue import CatalogueError, load_catalogue
from hitless.mano.client import VnfmClient
from hitless.preflight.adapters import check_decider, check_packages
from hitless.preflight.calibration_run import Calibration, Wanted, not_calibrated
from hitless.preflight.declaration import read_declaration
from hitless.preflight.findings import Finding, Level, failed, warning
from hitless.preflight.generator import Generator, GeneratorChecks
from hitless.preflight.instance import Instance
from hitless.preflight.management import ManagementChecks
from hitless.preflight.prospects import prospects
from hitless.preflight.through import THE_WAY, send_through
from hitless.preflight.worksheet import worksheet
from hitless.sut import SystemUnderTest
from hitless.traffic import TrafficGenerator


def run_preflight(
    declaration: Path,
    *,
    traffic: bool = False,
    loopback: bool = False,
    up_to_percent: float | None = None,
    profile: str = "quick",
    say: Callable[[Finding], None] = lambda _: None,
    draw: Callable[[str], None] | None = None,
    show: Callable[[str], None] = lambda _: None,
    generator: Callable[[], AbstractContextManager[Generator]] = TrafficGenerator,
    sleep: Callable[[float], None] = time.sleep,
    clock_ns: Callable[[], int] = time.monotonic_ns,
) -> list[Finding]:
    """Check whether a run can be made.

    Args:
        declaration: the file that describes the system under test.
        traffic: also send traffic for some seconds; takes the ports and makes an instance as a run would.
        loopback: the generator's ports are cabled back to back: look at the tester alone, with traffic.
        up_to_percent: highest rate of the calibration in percent of the rated capacity; None for the usual one.
        profile: whose durations and limits a run would have.
        say: gets each finding as soon as it is there.
        draw: gets the lines of the worksheet at the end; None for no worksheet.
        show: gets the lines of tables as soon as they are there.
        generator: makes the traffic generator.
        sleep: waits.
        clock_ns: the tester's monotonic clock.

    Returns:
        All findings, in order.
    """
    findings: list[Finding] = []
    wanted = Wanted(profile, loopback, up_to_percent, show)
    means = _Means(generator, sleep, clock_ns, traffic=traffic, draw=draw, wanted=wanted)
    for finding in _checks(declaration, profile, means):
        findings.append(finding)
        say(finding)
    return findings


def is_ready(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing failed."""
    return all(finding.level is not Level.FAILED for finding in findings)


@dataclass(frozen=True, slots=True)
class _Means:
    """What checks are made with, and how far they may go."""

    generator: Callable[[], AbstractContextManager[Generator]]
    sleep: Callable[[float], None]
    clock_ns: Callable[[], int]
    traffic: bool
    draw: Callable[[str], None] | None
    wanted: Wanted


def _checks(declaration: Path, profile: str, means: _Means) -> Iterator[Finding]:
    sut, findings = read_declaration(declaration)
    yield from findings
    if sut is None or not is_ready(findings):
        return
    if means.wanted.loopback:
        yield from _looped_back(sut, means)
        return
    if sut.mano.sol003 is None:
        yield from _without_mano(sut, means)
    else:
        with VnfmClient(sut.mano.sol003) as vnfm:
            yield from _with_mano(sut, means, vnfm)
    try:
        yield from prospects(sut, load_catalogue(), profile)
    except CatalogueError as error:
        yield failed("limits", str(error), "correct limits in the declaration")


def _with_mano(sut: SystemUnderTest, means: _Means, vnfm: VnfmClient) -> Iterator[Finding]:
    management = ManagementChecks(sut, vnfm)
    yield from management.interface()
    if management.reachable:
        yield from management.instances()
    yield from check_packages(sut)
    yield from management.notifications()
    yield from _generator_checks(sut, means, vnfm, management)


def _generator_checks(
    sut: SystemUnderTest, means: _Means, vnfm: VnfmClient, management: ManagementChecks
) -> Iterator[Finding]:
    with means.generator() as made:
        checks = GeneratorChecks(sut, made)
        yield from checks.reach()
        yield from checks.load(take=means.traffic)
        if means.traffic and checks.groups and not management.reachable:
            yield warning("traffic", "not sent, as nothing can be brought into service without MANO")
        elif means.traffic and checks.groups:
            with_instance = Instance(sut, vnfm, in_service=management.in_service is not None, sleep=means.sleep)
            yield from with_instance.while_in_service(lambda: _through(sut, made, checks, means))
        _draw(sut, checks, means.draw)


def _through(sut: SystemUnderTest, made: Generator, checks: GeneratorChecks, means: _Means) -> Iterator[Finding]:
    yield from check_decider(sut)
    yield from _sent_through(sut, made, checks, means)


def _sent_through(sut: SystemUnderTest, made: Generator, checks: GeneratorChecks, means: _Means) -> Iterator[Finding]:
    """Send the rated load through what is in service; where that comes back, find out what the tester can do."""
    ways_are_open = True
    for finding in send_through(sut, made, checks.groups, means.sleep):
        ways_are_open &= finding.level is not Level.FAILED or finding.name not in THE_WAY
        yield finding
    if ways_are_open:
        yield from _calibrated(sut, made, checks, means)
    else:
        yield not_calibrated("the traffic does not come back")


def _calibrated(sut: SystemUnderTest, made: Generator, checks: GeneratorChecks, means: _Means) -> Iterator[Finding]:
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        yield not_calibrated(str(error))
        return
    calibration = Calibration(sut, made, checks.groups, means.wanted, sleep=means.sleep, clock_ns=means.clock_ns)
    yield from calibration.findings(catalogue)


def _looped_back(sut: SystemUnderTest, means: _Means) -> Iterator[Finding]:
    """Look at the tester alone; there is no system between its ports."""
    with means.generator() as made:
        checks = GeneratorChecks(sut, made)
        yield from checks.reach()
        yield from checks.load(take=True)
        if checks.groups:
            yield from _calibrated(sut, made, checks, means)
        _draw(sut, checks, means.draw)


def _without_mano(sut: SystemUnderTest, means: _Means) -> Iterator[Finding]:
    """Check the traffic side only; somebody else has brought the VNF into service."""
    yield warning("MANO", "mano.sol003 is not declared: what has to be seen of operations is NOT APPLICABLE")
    with means.generator() as made:
        checks = GeneratorChecks(sut, made)
        yield from checks.reach()
        yield from checks.load(take=means.traffic)
        if means.traffic and checks.groups:
            yield from _sent_through(sut, made, checks, means)
        _draw(sut, checks, means.draw)


def _draw(sut: SystemUnderTest, checks: GeneratorChecks, draw: Callable[[str], None] | None) -> None:
    if draw is None:
        return
    for line in worksheet(sut, () if checks.server is None else checks.server.ports, checks.groups):
        draw(line)
