"""Units and plateaus as figures and tables of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitless.history import Interval
from hitless.measures.shares import Plateau
from hitless.measures.units import UnitTimeline


def unit_table(timeline: UnitTimeline) -> list[dict[str, Any]]:
    """Return every unit with its instants, in seconds after the request."""
    return [
        {
            "unit": unit.id,
            "vdu": unit.vdu_id,
            "vnfd": unit.vnfd_id,
            "side": "new" if unit.new else "old",
            "capacity_pps": round(unit.capacity_pps, 1),
            "appeared_after_request_s": since_request(unit.appeared, timeline.request_ns),
            "ready_after_request_s": since_request(unit.ready, timeline.request_ns),
            "gone_after_request_s": since_request(unit.gone, timeline.request_ns),
            "temporary": unit.temporary,
        }
        for unit in timeline.units
    ]


def plateau_table(found: Sequence[Plateau], request_ns: int) -> list[dict[str, Any]]:
    """Return every plateau of the share with what its users say."""
    return [
        {
            "start_after_request_s": since_request(one.start, request_ns),
            "end_after_request_s": since_request(one.end, request_ns),
            "users_count": one.users,
            "users_on_new_count": one.on_new,
            "share_ratio": round(one.share, 4),
            "share_lower_bound_ratio": round(one.bounds[0], 4),
            "share_upper_bound_ratio": round(one.bounds[1], 4),
        }
        for one in found
    ]


def since_request(instant: Interval | None, request_ns: int) -> list[float] | None:
    """Return both ends of an instant in seconds after the request."""
    if instant is None:
        return None
    return [round((end_ns - request_ns) / 1e9, 3) for end_ns in (instant.earliest_ns, instant.latest_ns)]
