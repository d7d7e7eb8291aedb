"""Gaps, loss and outages, packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from hitless.measures.spans import Span
from tests.properties.reference_packets import Packet

Key = Callable[[Packet], int]


def inside(packets: Iterable[Packet], span: Span) -> list[Packet]:
    """Return the packets that were sent in a span."""
    return [packet for packet in packets if span.start_ns <= packet.sent_ns < span.end_ns]


def longest_between(times: Sequence[int]) -> int | None:
    """Return the longest time between two successive instants; None without two."""
    return max((later - earlier for earlier, later in pairwise(sorted(times))), default=None)


def longest_of(packets: Sequence[Packet], key: Key, *, lost_ends: bool) -> int | None:
    """Return the longest gap between packets that came back, within those of one key.

    With ``lost_ends`` the first and the last packet count as if they had come back.
    """
    longest: list[int] = []
    for name in {key(packet) for packet in packets}:
        mine = sorted((packet for packet in packets if key(packet) == name), key=lambda packet: packet.sent_ns)
        times = [packet.sent_ns for packet in mine if packet.received]
        times += [mine[0].sent_ns, mine[-1].sent_ns] if lost_ends and len(mine) > 1 else []
        gap = longest_between(times)
        longest += [] if gap is None else [gap]
    return max(longest, default=None)


def loss_periods(packets: Sequence[Packet]) -> int:
    """Return the runs of consecutive lost packets of one stream (RFC 3357)."""
    count, before = 0, True
    for packet in packets:
        count += before and not packet.received
        before = packet.received
    return count


def outage(
    lost_ns: Sequence[int], packets: Sequence[Packet], span: Span, around: Sequence[Span]
) -> tuple[int, int, int, bool] | None:
    """From the first loss, to the first packet that came back after the last loss, how many were lost, if it is over.

    Losses within the spans ``around`` are left out.
    """
    counted = [at for at in lost_ns if not any(one.start_ns <= at < one.end_ns for one in around)]
    if not counted:
        return None
    back = [packet.sent_ns for packet in packets if packet.received and max(counted) < packet.sent_ns < span.end_ns]
    return min(counted), min(back, default=span.end_ns), len(counted), bool(back)
