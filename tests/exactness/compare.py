"""Holds what the suite computes from a recording against what the kernel counted: every difference has to be 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from hitless.history import History, TrafficGroup
from hitless.measures.counting import group_losses, tester_lost
from hitless.measures.tallies import SessionTallies, reordered_packets, session_name, session_tallies
from hitless.measures.timelines import Timeline, timelines
from tests.exactness.plans import Outcome
from tests.exactness.ruleset import DROP, DUPLICATE, HOLD, arrived, came


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        run, scope, what: which recording, which stream, what was counted.
        suite, kernel: packets.
        off: packets by which they differ, summed without sign where there are several counters (sessions).
    """

    run: str
    scope: str
    what: str
    suite: int
    kernel: int
    off: int


def compare(outcome: Outcome) -> list[Row]:
    """Compare everything that both count."""
    rows = [*_totals(outcome)]
    for stream in timelines(outcome.history):
        rows += _stream(outcome, stream)
        rows += _by_session(outcome, stream)
    return rows


def differing(rows: Iterable[Row]) -> list[Row]:
    """Return the rows whose difference is not 0."""
    return [row for row in rows if row.off or row.suite != row.kernel]


def packets_sent(outcomes: Sequence[Outcome]) -> int:
    """Return how many packets were sent in all recordings together, as the kernel counted them."""
    return sum(
        count for outcome in outcomes for name, count in outcome.truth.counters.items() if name.startswith("came_")
    )


def dropped(outcome: Outcome, group: str, action: str = DROP) -> int:
    """Return how many packets of a group the kernel dropped, doubled or held by rules and windows."""
    rules = [rule.name for rule in outcome.plan.rules if rule.group == group and rule.action == action]
    total = sum(outcome.truth.counters[name] for name in rules)
    return total + (sum(w.dropped for w in outcome.truth.windows if w.group == group) if action == DROP else 0)


def own_drops(history: History) -> int:
    """Return the packets that the tester lost itself."""
    return tester_lost(history.counters, 0, len(history.counters.asked_ns) - 1)


def _row(outcome: Outcome, scope: str, what: str, suite: int, kernel: int) -> Row:
    return Row(outcome.plan.name, scope, what, suite, kernel, abs(suite - kernel))


def _totals(outcome: Outcome) -> Iterable[Row]:
    """Counters of each group; what the tester lost itself belongs to no group, so it is compared over all."""
    counters, counted = outcome.history.counters, outcome.truth.counters
    losses = group_losses(counters, 0, len(counters.asked_ns) - 1)
    own, groups = own_drops(outcome.history), _sent_groups(outcome)
    for group in groups:
        column = counters.pg_ids.tolist().index(group.pg_id)
        yield _row(outcome, group.name, "sent", int(counters.tx[-1, column]), counted[came(group.name)])
        if own:
            continue
        yield _row(outcome, group.name, "received", int(counters.rx[-1, column]), counted[arrived(group.name)])
        if not dropped(outcome, group.name, DUPLICATE):
            yield _row(outcome, group.name, "lost, by counters", losses[group.pg_id].lost, dropped(outcome, group.name))
    received = sum(counted[arrived(group.name)] for group in groups)
    yield _row(outcome, "all", "received or lost in the tester", int(counters.rx[-1].sum()) + own, received)
    held = sum(dropped(outcome, group.name, HOLD) for group in groups)
    yield _row(outcome, "all", "came back from the detour", held, counted["held_back"])


def _sent_groups(outcome: Outcome) -> list[TrafficGroup]:
    return [group for group in outcome.history.groups if outcome.truth.counters[came(group.name)]]


def _stream(outcome: Outcome, stream: Timeline) -> Iterable[Row]:
    name = stream.group.name
    lost = int(np.count_nonzero(~stream.received))
    late = reordered_packets(outcome.history.probes, stream)
    yield _row(outcome, name, "sent, by capture", len(stream), outcome.truth.counters[came(name)])
    yield _row(outcome, name, "lost, by capture", lost, dropped(outcome, name))
    yield _row(outcome, name, "duplicates", stream.duplicate_count, dropped(outcome, name, DUPLICATE))
    yield _row(outcome, name, "reordered", late, dropped(outcome, name, HOLD))


def _by_session(outcome: Outcome, stream: Timeline) -> Iterable[Row]:
    """Compare per session, where every rule of the group and action counts sessions."""
    tallies = session_tallies(outcome.history.probes, stream)
    columns = {DROP: ("lost", tallies.lost), DUPLICATE: ("duplicates", tallies.duplicates)}
    columns[HOLD] = ("reordered", tallies.reordered)
    for action, (what, suite) in columns.items():
        rules = [r for r in outcome.plan.rules if r.group == stream.group.name and r.action == action]
        windows = action == DROP and any(w.group == stream.group.name and w.dropped for w in outcome.truth.windows)
        if not rules or windows or not all(rule.by_session for rule in rules):
            continue
        kernel = sum((_of_sessions(outcome, stream, tallies, r.name) for r in rules), np.zeros(len(tallies), np.int64))
        off = int(np.abs(suite - kernel).sum())
        title = f"{what}, by session ({int(np.count_nonzero(kernel))} of {len(tallies)})"
        yield Row(outcome.plan.name, stream.group.name, title, int(suite.sum()), int(kernel.sum()), off)


def _of_sessions(outcome: Outcome, stream: Timeline, tallies: SessionTallies, rule: str) -> np.ndarray:
    """Return a rule's packets for each session of the tallies."""
    counted = outcome.truth.sessions[rule]
    result = np.zeros(len(tallies), np.int64)
    if not counted:
        return result
    addresses = np.asarray([int(IPv4Address(address)) for address, _, _ in counted], np.int64)
    names = session_name(stream, addresses, np.asarray([port for _, port, _ in counted], np.int64))
    if np.any(names < 0):
        raise AssertionError(f"rule {rule} - the kernel counted {int(np.sum(names < 0))} sessions that nobody opened")
    np.add.at(result, np.searchsorted(tallies.session, names), [packets for _, _, packets in counted])
    return result
