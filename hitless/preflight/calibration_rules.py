"""Limits on durations and on goodput, held against what the tester resolves. Pure.

A duration is resolved if the tester hears often enough: a period beyond half of the limit cannot tell (I4), a tenth is
recommended. Where the tester's clock meets the generator's, the uncertainty between them may be a tenth of the limit
(I10); a gap of which a stall of the tester covers half or more is nobody's (I14).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from hitless.judges.meter import MOST_CLOCK_ERROR_RATIO
from hitless.limits import AppliedLimit
from hitless.measures import counting
from hitless.preflight.calibration_base import RATED_PPS, SUFFICES, Held, Instrument, Rule, at_least, at_most
from hitless.preflight.findings import Level

_MOST_OF_LIMIT = 0.5
_RECOMMENDED_OF_LIMIT = 0.1
_EVEN = 5.0
"""Up to so many periods of the rate the largest gap comes from it; beyond that, from a pause of the tester."""
_ROUNDING = 1.0 + 1e-6
"""A number that was named as a remedy has to be one, although few decimal numbers are exact in binary."""
_OTHER_LOAD = "take other load off the tester's machine"


def _service_time(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a duration against the spacing of all probes: any of them shows that service is back."""
    return _time(limit, tester, tester.resolution.sent.largest_ns / 1e9, "probes")


def _version_time(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a duration against the spacing of the probes that a version serves, in its first share the fewest."""
    share = tester.sut.upgrade.first_share or 1.0
    whose = "probes" if share >= 1.0 else f"probes of a version with {share * 100:g} % of the users"
    period_s = 1.0 / tester.probes_pps if tester.probes_pps else math.inf
    # A pause of the tester is the same for few users as for many.
    pause_s = max(0.0, tester.resolution.sent.largest_ns / 1e9 - period_s)
    return _time(limit, tester, period_s / share + pause_s, whose)


def _opening_time(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a duration against the spacing of session openings of one service type in the procedure with rules."""
    gap_s = math.inf if tester.under_rules is None else tester.under_rules.opening_gap_s
    return _time(limit, tester, gap_s, "sessions of a service type that are opened", changeable=False)


def _time(limit: AppliedLimit, tester: Instrument, gap_s: float, whose: str, *, changeable: bool = True) -> Held:
    found = tester.resolution
    clock_s, stall_s = found.clock_error_ns / 1e9, found.longest_stall_ns / 1e9
    causes = (
        (gap_s / _MOST_OF_LIMIT, f"{whose} at most {{}} s apart", gap_s, _MOST_OF_LIMIT),
        (clock_s / MOST_CLOCK_ERROR_RATIO, "instants of probes known to {} s", clock_s, MOST_CLOCK_ERROR_RATIO),
        (stall_s / _MOST_OF_LIMIT, "stalls of the tester shorter than {} s", stall_s, _MOST_OF_LIMIT),
    )
    place = max(range(len(causes)), key=lambda number: causes[number][0])
    least_s, expected, actual_s, part = causes[place]
    if limit.value > 0 and limit.value * _ROUNDING >= least_s:
        if gap_s <= _RECOMMENDED_OF_LIMIT * limit.value:
            return SUFFICES
        told = f"suffices: {whose} {gap_s:.3g} s apart; a tenth of the limit of {limit.value:g} s is recommended"
        return Held(Level.OK, told)
    told = f"Expected: {expected.format(f'{part * limit.value:.3g}')} Actual: {actual_s:.3g} s"
    options: tuple[str, ...] = (f"{_key(limit, least_s)} s",) if least_s < float("inf") else ()
    if place == 0 and changeable and limit.value > 0:
        options += _more_often(tester, gap_s / (_MOST_OF_LIMIT * limit.value))
    elif place:
        reading = "a shorter way to the generator, as reading its clock takes twice as long"
        options += (reading if place == 1 else _OTHER_LOAD,)
    return Held(Level.FAILED, told, options)


def _more_often(tester: Instrument, factor: float) -> tuple[str, ...]:
    if tester.resolution.sent.largest_ns / 1e9 * tester.probes_pps > _EVEN:
        return (f"{_OTHER_LOAD}, as probes pause for longer than their rate explains",)
    total = tester.probes_pps
    new_pps = sum(stream.group.rate_pps for stream in tester.short)
    # All probes count, and only those of new sessions become more.
    return tester.more_probes((total * factor - (total - new_pps)) / new_pps) if new_pps else ()


def _polled(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a duration of MANO's against the interval at which it is asked."""
    interval_s = tester.sut.mano.poll_interval_ms / 1e3
    least_s = interval_s / _MOST_OF_LIMIT
    if limit.value >= least_s:
        return SUFFICES
    told = f"Expected: MANO asked every {_MOST_OF_LIMIT * limit.value:.3g} s or more often Actual: {interval_s:g} s"
    options = (f"mano.poll_interval_ms to <= {at_most(_MOST_OF_LIMIT * limit.value * 1e3)}",) if limit.value > 0 else ()
    return Held(Level.FAILED, told, (f"{_key(limit, least_s)} s", *options))


def _goodput(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a share of the packets of a second against what counters tell of them."""
    found, bin_s = tester.resolution, counting.BIN_NS / 1e9
    if found.sampling.count == 0 or found.sampling.largest_ns > counting.BIN_NS:
        told = f"Expected: counters read every {bin_s:g} s Actual: {found.sampling.largest_ns / 1e9:.2f} s between two"
        return Held(Level.FAILED, told, (_OTHER_LOAD,))
    packets = tester.planned_pps * bin_s
    blur = found.on_the_way + (0 if limit.value >= 1.0 else 1)
    allowed = (1.0 - limit.value) * packets * _ROUNDING
    if blur <= _MOST_OF_LIMIT * allowed:
        return SUFFICES
    told = (
        f"Expected: the goodput of a second known to {_MOST_OF_LIMIT * max(0.0, allowed):.3g} packets "
        f"Actual: {blur} of {packets:.0f}"
    )
    # A second without loss still keeps the limit as long as no more than what may be missing is on its way.
    level = Level.WARNING if blur <= allowed else Level.FAILED
    loosest = math.floor((1.0 - blur / _MOST_OF_LIMIT / packets) * 1e6) / 1e6
    options: tuple[str, ...] = (f"limits.{{requirement}}.{limit.name}.value to <= {loosest:g}",) if loosest > 0 else ()
    if not found.on_the_way:  # what is on its way grows with the rate
        needed_pps = blur / _MOST_OF_LIMIT / (1.0 - limit.value) / bin_s
        options += (f"{RATED_PPS} to >= {at_least(needed_pps)} pps, if the VNF is declared for it",)
    return Held(level, told if level is Level.FAILED else f"suffices narrowly - {told}", options)


def _key(limit: AppliedLimit, least: float) -> str:
    return f"limits.{{requirement}}.{limit.name}.value to >= {at_least(least)}"


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "recovery_s": _service_time,
        "traffic_rollback_s": _version_time,
        "rule_delay_s": _opening_time,
        "lcm_rollback_s": _polled,
        "lcm_rollback_granted_s": _polled,
        "notification_latency_s": _polled,
        "min_bin_goodput_ratio": _goodput,
    }
)
"""By the name of the limit."""
