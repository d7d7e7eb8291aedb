"""Loss statistics per traffic group and per tester port, over the whole recording. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hitless.history import History


@dataclass(frozen=True, slots=True)
class GroupLoss:
    """What one traffic group sent and got back.

    Attributes:
        lost_count: sent minus received; negative if more came back than was sent.
        loss_ratio: lost / sent, None if nothing was sent.
    """

    group: str
    kind: str
    direction: str
    planned_pps: float
    sent_count: int
    received_count: int
    lost_count: int
    loss_ratio: float | None


@dataclass(frozen=True, slots=True)
class PortLoss:
    """What the tester itself lost at one of its ports."""

    port: int
    receive_errors_count: int
    send_errors_count: int


def traffic_s(history: History) -> float:
    """Return how long traffic ran, from its start to its stop; until the last event if nobody stopped it."""
    started_ns = history.when("traffic-started")
    if started_ns is None:
        return 0.0
    stopped_ns = history.when("traffic-stopped")
    ended_ns = max(event.at_ns for event in history.events) if stopped_ns is None else stopped_ns
    return max(0, ended_ns - started_ns) / 1e9


def group_losses(history: History) -> tuple[GroupLoss, ...]:
    """Return the losses of each planned group, and of all together in the last row."""
    counters = history.counters
    columns = {int(pg_id): column for column, pg_id in enumerate(counters.pg_ids)}
    rows: list[GroupLoss] = []
    for group in history.groups:
        column = columns.get(group.pg_id)
        has_samples = column is not None and counters.tx.shape[0] > 0
        sent = int(counters.tx[-1, column]) if has_samples else 0
        received = int(counters.rx[-1, column]) if has_samples else 0
        rows.append(_row(group.name, group.kind, group.direction, group.rate_pps, sent=sent, received=received))
    if rows:
        sent = sum(row.sent_count for row in rows)
        received = sum(row.received_count for row in rows)
        rows.append(_row("all", "", "", sum(row.planned_pps for row in rows), sent=sent, received=received))
    return tuple(rows)


def port_losses(history: History) -> tuple[PortLoss, ...]:
    """Return what the tester's ports lost from the first sample to the last."""
    counters = history.counters
    if counters.ierrors.shape[0] == 0:
        return ()
    received = counters.ierrors[-1] - counters.ierrors[0]
    sent = counters.oerrors[-1] - counters.oerrors[0]
    ports = zip(counters.port_ids, received, sent, strict=True)
    return tuple(PortLoss(int(port), int(lost), int(unsent)) for port, lost, unsent in ports)


def _row(group: str, kind: str, direction: str, pps: float, *, sent: int, received: int) -> GroupLoss:
    lost = sent - received
    return GroupLoss(group, kind, direction, pps, sent, received, lost, lost / sent if sent else None)
