"""What every judge of a requirement asks of the meter itself.

Its clocks, what it sent, whose packets it counted, where they went, and whether somebody else did something meanwhile.
These checks never make a verdict better: a violation stays one (the worst check wins), and what would pass does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps

from hitless.history import History
from hitless.judges import wording
from hitless.judges.rollbacks import end_of_traffic
from hitless.measures.interference import foreign_operations
from hitless.measures.next_hop import unfollowed
from hitless.measures.sending import earlier_probes, probe_rates, received_ahead
from hitless.measures.spans import Span
from hitless.verdict import Check, Outcome, Verdict

LEAST_PROBE_RATE_RATIO = 0.99
"""Probes sent over planned; fewer make everything coarser that is read from them (I2). What capacity says depends on
the offered load itself and is held against 0.999."""
FINEST_NS = 1_000_000_000
"""The shortest time for which instants of packets are held against those of others: a packet is late after it."""
MOST_CLOCK_ERROR_RATIO = 0.1
"""Error of the clocks over what is measured with both of them (I10)."""
LOSS_BY_COUNTERS = frozenset({"RQ-CAP-01", "RQ-LCM-01", "RQ-RBK-05", "RQ-TRF-06"})
"""Requirements whose judges read loss from counters, in which a packet too many hides a lost one, load included. The
others look at captured probes, of which each is known by its number and by the run that it is of."""

_Judge = Callable[[History, Mapping[str, float]], Verdict]


def with_meter(judge: _Judge, *, by_probes: bool) -> _Judge:
    """Return a judge that holds the meter against what it has to be as well.

    Args:
        judge: of one requirement.
        by_probes: it looks at packets; False for requirements on MANO alone.
    """

    @wraps(judge)
    def judged(history: History, limits: Mapping[str, float]) -> Verdict:
        verdict = judge(history, limits)
        by_counters = verdict.requirement in LOSS_BY_COUNTERS
        asked = meter_checks(history, by_probes=by_probes, by_counters=by_counters)
        return replace(verdict, checks=(*verdict.checks, *asked))

    return judged


def meter_checks(history: History, *, by_probes: bool, by_counters: bool) -> tuple[Check, ...]:
    """Return what is wrong with the meter, or one check that says that nothing is; nothing if nothing was requested.

    Args:
        history: what was recorded.
        by_probes: packets were looked at.
        by_counters: loss was read from counters.
    """
    window = _window(history)
    if window is None:
        return ()
    checks = [interference_check(history, window)]
    if by_probes:
        checks += [clock_check(history), sending_check(history, window)]
    if by_probes or by_counters:
        checks.append(own_packets_check(history, by_counters=by_counters))
    if by_probes:
        checks.append(next_hop_check(history))
    wrong = tuple(one for one in checks if one.outcome is not Outcome.PASS)
    return wrong or (Check("meter", Outcome.PASS, ", ".join(one.message for one in checks)),)


def clock_check(history: History) -> Check:
    """Hold the error of the clocks against what is measured with two of them: the generator's and the tester's."""
    name, error_ns, limit_ns = "clocks", history.probes.clock_error_ns, MOST_CLOCK_ERROR_RATIO * FINEST_NS
    if error_ns <= limit_ns:
        return Check(name, Outcome.PASS, f"clocks known to {error_ns / 1e6:.1f} ms")
    return Check(
        name,
        Outcome.INCONC,
        f"Clocks - the generator's jumped against the tester's, or is not known well enough - Expected: error <= "
        f"{limit_ns / 1e6:.0f} ms, Actual: {error_ns / 1e6:.0f} ms - see clock.json",
        ("I10",),
    )


def sending_check(history: History, window: Span) -> Check:
    """Hold the probes that were sent against the plan: TRex says nothing when it cannot keep up."""
    name, rates = "probes sent", probe_rates(history, window)
    short = {group: rate for group, rate in rates.items() if rate < LEAST_PROBE_RATE_RATIO}
    if not short:
        return Check(name, Outcome.PASS, "probes sent as planned" if rates else "too short to tell a rate of probes")
    told = ", ".join(f"{wording.percent(rate)} of {group}" for group, rate in short.items())
    return Check(
        name,
        Outcome.INCONC,
        f"Probes - fewer were sent than planned in the time that passed - Expected: >= "
        f"{wording.percent(LEAST_PROBE_RATE_RATIO)} of each stream, Actual: {told} - see counters.npz, the generator's "
        f"CPU, and whether somebody stopped it",
        ("I2",),
    )


def own_packets_check(history: History, *, by_counters: bool) -> Check:
    """Hold what came in against what this recording can have sent: late packets of an earlier one hide loss.

    Of load, which is only counted, a surplus says nothing about probes.
    """
    name, ahead, earlier = "own packets", received_ahead(history.counters), earlier_probes(history)
    groups = {group.pg_id: group for group in history.groups}
    loads = set() if by_counters else {pg_id for pg_id, group in groups.items() if group.kind == "load"}
    problems = [
        f"{wording.count(count)} of {groups[pg_id].name if pg_id in groups else pg_id} before they were sent"
        for pg_id, count in ahead.items()
        if pg_id not in loads
    ]
    if earlier:
        problems.append(f"{wording.count(earlier)} probes that were sent before the traffic began")
    if not problems:
        return Check(name, Outcome.PASS, "no packets of an earlier run")
    return Check(
        name,
        Outcome.INCONC,
        f"Receiver - packets were counted that are not of this recording or came twice, so loss may hide - "
        f"Expected: 0, Actual: {', '.join(problems)} - see counters.npz, probes.pcap",
        ("I3",),
    )


def next_hop_check(history: History) -> Check:
    """Hold the neighbours of the tester's ports against where the tester sends to, as far as anybody sees them."""
    name, astray = "next hop", unfollowed(history)
    if not astray:
        return Check(name, Outcome.PASS, "no change of the next hop seen")
    told = ", ".join(f"port {one.port} sent to {one.configured_mac}, there was {one.neighbour_mac}" for one in astray)
    return Check(
        name,
        Outcome.INCONC,
        f"Next hop - changed its MAC address and the tester did not follow, so that everything was lost from then on - "
        f"Expected: the same to the end, Actual: {told} - see next-hop in events.jsonl, traffic.attachment in sut.yaml",
        ("I13",),
    )


def interference_check(history: History, window: Span) -> Check:
    """Hold the operations of the instance against those that the tester knows of."""
    name, foreign = "interference", foreign_operations(history, window)
    if not foreign:
        return Check(name, Outcome.PASS, "no other operation seen")
    return Check(
        name,
        Outcome.INCONC,
        f"Instance - somebody else did something to it meanwhile - Expected: 0 other operations, "
        f"Actual: {len(foreign)} ({', '.join(foreign)}) - see operations.jsonl, snapshots.jsonl",
        ("I11",),
    )


def _window(history: History) -> Span | None:
    """Return the time from the first request to the end of the last operation, or of the traffic."""
    request_ns = history.when("request")
    if request_ns is None:
        return None
    ended = [event.at_ns for event in history.events if event.name in {"operation-ended", "stage-ended"}]
    return Span(request_ns, max(ended, default=end_of_traffic(history)))
