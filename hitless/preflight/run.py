"""All checks in their order; each says its finding as soon as it has it, and none raises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from hitless.mano.client import VnfmClient
from hitless.preflight.declaration import read_declaration
from hitless.preflight.findings import Finding, Level, warning
from hitless.preflight.generator import Generator, GeneratorChecks
from hitless.preflight.instance import Instance
from hitless.preflight.management import ManagementChecks
from hitless.preflight.through import send_through
from hitless.sut import SystemUnderTest
from hitless.traffic import TrafficGenerator


def run_preflight(
    declaration: Path,
    *,
    traffic: bool = False,
    say: Callable[[Finding], None] = lambda _: None,
    generator: Callable[[], AbstractContextManager[Generator]] = TrafficGenerator,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Finding]:
    """Check whether a run can be made.

    Args:
        declaration: the file that describes the system under test.
        traffic: also send traffic for some seconds; takes the ports and makes an instance as a run would.
        say: gets each finding as soon as it is there.
        generator: makes the traffic generator.
        sleep: waits.

    Returns:
        All findings, in order.
    """
    findings: list[Finding] = []
    for finding in _checks(declaration, traffic=traffic, generator=generator, sleep=sleep):
        findings.append(finding)
        say(finding)
    return findings


def is_ready(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing failed."""
    return all(finding.level is not Level.FAILED for finding in findings)


def _checks(
    declaration: Path,
    *,
    traffic: bool,
    generator: Callable[[], AbstractContextManager[Generator]],
    sleep: Callable[[float], None],
) -> Iterator[Finding]:
    sut, findings = read_declaration(declaration)
    yield from findings
    if sut is None or not is_ready(findings):
        return
    if sut.mano.sol003 is None:
        yield from _without_mano(sut, traffic=traffic, generator=generator, sleep=sleep)
        return
    with VnfmClient(sut.mano.sol003) as vnfm:
        management = ManagementChecks(sut, vnfm)
        yield from management.interface()
        if management.reachable:
            yield from management.instances()
        yield from management.notifications()
        with generator() as made:
            checks = GeneratorChecks(sut, made)
            yield from checks.reach()
            yield from checks.load(take=traffic)
            if traffic and checks.groups and not management.reachable:
                yield warning("traffic", "not sent, as nothing can be brought into service without MANO")
            elif traffic and checks.groups:
                with_instance = Instance(sut, vnfm, in_service=management.in_service is not None, sleep=sleep)
                yield from with_instance.while_in_service(lambda: send_through(sut, made, checks.groups, sleep))


def _without_mano(
    sut: SystemUnderTest,
    *,
    traffic: bool,
    generator: Callable[[], AbstractContextManager[Generator]],
    sleep: Callable[[float], None],
) -> Iterator[Finding]:
    """Check the traffic side only; somebody else has brought the VNF into service."""
    yield warning("MANO", "mano.sol003 is not declared: what has to be seen of operations is NOT APPLICABLE")
    with generator() as made:
        checks = GeneratorChecks(sut, made)
        yield from checks.reach()
        yield from checks.load(take=traffic)
        if traffic and checks.groups:
            yield from send_through(sut, made, checks.groups, sleep)
