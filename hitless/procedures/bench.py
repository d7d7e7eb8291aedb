"""What the tester brings along to every procedure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hitless.mano.client import VnfmClient
from hitless.sut import SystemUnderTest
from hitless.traffic import TrafficGenerator


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the phases around the operations last.

    Attributes:
        lead_in_s, baseline_s, tail_s: before and after what is done to the system.
        churn_s: for how long rules that concern nobody are changed.
    """

    lead_in_s: float
    baseline_s: float
    tail_s: float
    churn_s: float = 6.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What the tester brings along.

    Attributes:
        sut: the declaration of the system under test.
        profile: name of the profile.
        timing: the durations that it sets.
        say: takes a sentence for people who watch.
        log_folder: where processes of the tester log.
        clock_ns, sleep: the tester's clock, and how it waits.
        make_vnfm: opens a client of the VNFM.
        make_traffic: opens the traffic generator.
    """

    sut: SystemUnderTest
    profile: str
    timing: Timing
    say: Callable[[str], None]
    log_folder: Path
    clock_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], None] = time.sleep
    make_vnfm: Callable[..., VnfmClient] = VnfmClient
    make_traffic: Callable[[Path], TrafficGenerator] = TrafficGenerator
