"""What limits are held against, and what comes of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from hitless.catalogue import Profile
from hitless.history import TrafficGroup
from hitless.limits import AppliedLimit
from hitless.preflight.findings import Level
from hitless.preflight.resolution import Resolution
from hitless.procedures.selection_rules import TUNABLES
from hitless.sessions import Layout
from hitless.sut import SystemUnderTest

MOST_PROBES_PPS = 5000.0
"""More probes than this cannot be fetched from a TRex server while they arrive."""
NEW_PPS = "traffic.tunables.new-pps"
LONG_PPS = "traffic.tunables.long-pps"
RATED_PPS = "vnf.rated_capacity.value_pps"
_CONDITION_PART = 0.25
"""A sample that takes longer than this part of the upgrade's deadline may well not come together."""
_DIGITS = 3


@dataclass(frozen=True)
class Stream:
    """A stream of probes and what its layout brings about."""

    group: TrafficGroup

    @cached_property
    def layout(self) -> Layout:
        """The layout."""
        return Layout.from_data(self.group.layout)

    @property
    def at_a_time(self) -> int:
        """Sessions that are open at the same time."""
        return 1 << (self.layout.lane_bits + self.layout.session_of_user_bits)

    @property
    def sessions_per_s(self) -> float:
        """Short sessions that are opened in a second."""
        return self.group.rate_pps / (1 << self.layout.index_bits)

    @property
    def users_per_s(self) -> float:
        """Users of short sessions who come in a second."""
        return self.sessions_per_s / (1 << self.layout.session_of_user_bits)

    @property
    def cycle_s(self) -> float:
        """Time after which the same users come again."""
        return self.layout.user_count / self.users_per_s

    @property
    def packet_period_s(self) -> float:
        """Time between two packets of a session."""
        return self.at_a_time / self.group.rate_pps

    @property
    def opening_gap_s(self) -> float:
        """Longest time between two sessions that are opened: packets of one index follow each other."""
        return (((1 << self.layout.index_bits) - 1) * self.at_a_time + 1) / self.group.rate_pps


@dataclass(frozen=True)
class Instrument:
    """What limits are held against.

    Attributes:
        sut: the declaration.
        profile: how long a run looks.
        groups: the groups that are sent together from the beginning of a run.
        resolution: as measured.
    """

    sut: SystemUnderTest
    profile: Profile
    groups: tuple[TrafficGroup, ...]
    resolution: Resolution

    @property
    def planned_pps(self) -> float:
        """Rate of all groups together."""
        return sum(group.rate_pps for group in self.groups)

    @property
    def probes_pps(self) -> float:
        """Rate of all probes together."""
        return sum(group.rate_pps for group in self.groups if group.kind == "probe")

    @property
    def short(self) -> tuple[Stream, ...]:
        """Probe streams of sessions that come and go."""
        return tuple(stream for stream in self._streams if stream.layout.short_sessions)

    @property
    def long(self) -> tuple[Stream, ...]:
        """Probe streams of sessions that stay."""
        return tuple(stream for stream in self._streams if not stream.layout.short_sessions)

    @cached_property
    def _streams(self) -> tuple[Stream, ...]:
        return tuple(Stream(group) for group in self.groups if group.kind == "probe")

    @property
    def under_rules(self) -> Stream | None:
        """The stream of one service type as the procedure with selection rules sends it; None without new sessions."""
        if not self.short:
            return None
        group = self.short[0].group
        options = dict(zip(TUNABLES[::2], TUNABLES[1::2], strict=True))
        rate_pps = float(options["--new-pps"]) / float(options["--service-types"])
        layout = {**group.layout, "generation_user_bits": int(options["--probe-user-bits"])}
        return Stream(replace(group, rate_pps=rate_pps, layout=layout))

    def more_probes(self, factor: float) -> tuple[str, ...]:
        """Return how to send so many times as many probes in new sessions; nothing where that cannot be fetched."""
        now_pps = sum(stream.group.rate_pps for stream in self.short)
        wanted_pps = now_pps * factor
        if not now_pps or self.probes_pps - now_pps + wanted_pps > MOST_PROBES_PPS:
            return ()
        return (f"{NEW_PPS} to >= {at_least(wanted_pps)} pps",)


@dataclass(frozen=True, slots=True)
class Held:
    """A limit that was held against the tester.

    Attributes:
        level: ok; a warning where it depends on how long the system takes; failed where nothing the system does can
            show that the limit is kept.
        told: with expected and actual values; empty when there is nothing to say.
        options: what could be changed, each with the number to change it to; one of them is enough.
    """

    level: Level
    told: str = ""
    options: tuple[str, ...] = ()


Rule = Callable[[AppliedLimit, Instrument], Held]
SUFFICES = Held(Level.OK)


def waiting(wait_s: float, subject: str, told: str, tester: Instrument, options: tuple[str, ...]) -> Held:
    """Return what it means that something has to last for so long until a sample is there.

    Args:
        wait_s: how long.
        subject: what has to last ("the upgrade").
        told: expected and actual values.
        tester: whose deadline bounds it.
        options: what to change when it cannot last so long.
    """
    deadline_s = tester.sut.upgrade.deadline_s
    if wait_s > deadline_s:
        most = f"{told}, even if {subject} lasts to its deadline of {deadline_s:g} s"
        return Held(Level.FAILED, most, options)
    needed = f"suffices if {subject} lasts for at least {at_least(wait_s)} s - {told}"
    if wait_s > _CONDITION_PART * deadline_s:
        return Held(Level.WARNING, needed, options)
    return Held(Level.OK, needed)


def at_least(value: float) -> str:
    """Return a number rounded up to three digits, as it is written into a declaration."""
    return _rounded(value, math.ceil)


def at_most(value: float) -> str:
    """Return a number rounded down to three digits, as it is written into a declaration."""
    return _rounded(value, math.floor)


def _rounded(value: float, rounding: Callable[[float], int]) -> str:
    if value <= 0.0:
        return "0"
    digits = _DIGITS - 1 - math.floor(math.log10(value))
    # The multiplication may land a hair beside a whole number that it stands for.
    whole = rounding(round(value * 10.0**digits, 6))
    return f"{whole * 10**-digits}" if digits <= 0 else f"{whole / 10.0**digits:.{_DIGITS}g}"
