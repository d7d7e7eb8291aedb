"""What is measured of session affinity during an upgrade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hitless.history import History, Int64Array
from hitless.judges.common import Window, gap_figures
from hitless.measures import confidence
from hitless.measures.affinity import Countable, Moves, countable_sessions, session_moves
from hitless.measures.changes import ShareChange, openers, share_changes
from hitless.measures.gaps import LongestGaps, ProbeLoss, longest_gaps, probe_loss
from hitless.measures.interruptions import Dropped, dropped_sessions
from hitless.measures.timelines import Timeline, timelines

_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Affinity:
    """Everything that the checks of a session affinity requirement look at, measured once."""

    history: History
    window: Window
    streams: tuple[Timeline, ...]
    changes: tuple[ShareChange, ...]
    countable: Countable
    moves: Moves
    dropped: Dropped
    violating: Int64Array
    """Sessions that were moved or dropped after the request."""
    violating_before: Int64Array
    """Sessions that were moved before it, when nothing changed."""
    gaps: LongestGaps
    loss: ProbeLoss

    @property
    def moved_count(self) -> int:
        """Sessions that were moved after the request."""
        return len(np.unique(self.moves.session[self.moves.after_ns >= self.window.request_ns]))


def measure_affinity(history: History, window: Window) -> Affinity:
    """Find share changes, the sessions that span them, and those that were moved or dropped."""
    streams = timelines(history)
    changes = share_changes(openers(streams))
    moves = session_moves(streams, history.session_timeout_s)
    dropped = dropped_sessions(streams, changes, history.session_timeout_s)
    after = moves.after_ns >= window.request_ns
    dropped_after = dropped.session[dropped.at_ns >= window.request_ns]
    return Affinity(
        history=history,
        window=window,
        streams=streams,
        changes=changes,
        countable=countable_sessions(streams, changes),
        moves=moves,
        dropped=dropped,
        violating=np.union1d(moves.session[after], dropped_after),
        violating_before=np.unique(moves.session[~after]),
        gaps=longest_gaps(streams, window.observed),
        loss=probe_loss(streams, window.observed),
    )


def kind_counts(measured: Affinity) -> dict[str, int]:
    """Count the sessions with a violation after the request, by kind; a session may be of several kinds."""
    moves = measured.moves.where(measured.moves.after_ns >= measured.window.request_ns)
    dropped = measured.dropped.session[measured.dropped.at_ns >= measured.window.request_ns]
    return {
        "sessions_old_to_new_count": len(np.unique(moves.session[moves.old_version < moves.new_version])),
        "sessions_new_to_old_count": len(np.unique(moves.session[moves.old_version > moves.new_version])),
        "sessions_other_instance_count": len(np.unique(moves.session[moves.old_version == moves.new_version])),
        "sessions_dropped_count": len(np.unique(dropped)),
    }


def affinity_figures(measured: Affinity) -> dict[str, float | int | str | None]:
    """Return the numbers behind the verdict."""
    countable, violating = len(measured.countable.sessions), len(measured.violating)
    trials = max(countable, violating)
    moved_users = np.union1d(
        measured.moves.user[np.isin(measured.moves.session, measured.violating)],
        measured.dropped.user[np.isin(measured.dropped.session, measured.violating)],
    )
    return {
        "affinity_violations_count": violating,
        "countable_sessions_count": countable,
        "countable_users_count": len(measured.countable.users),
        "users_with_violation_count": len(moved_users),
        "affinity_violation_upper_bound_ratio": confidence.upper_bound(violating, trials) if trials else None,
        **kind_counts(measured),
        "violations_before_request_count": len(measured.violating_before),
        "share_changes_count": len(measured.changes),
        "share_changes_spanned_count": sum(1 for count in measured.countable.by_change if count),
        "probes_sent_count": measured.loss.sent,
        "probes_lost_count": measured.loss.lost,
        "sessions_with_loss_count": measured.loss.sessions_with_loss,
        "loss_periods_count": measured.loss.loss_periods,
        "duplicates_count": sum(stream.duplicate_count for stream in measured.streams),
        "reordered_count": sum(stream.reordered_count for stream in measured.streams),
        **gap_figures(measured.gaps),
        "clock_error_ms": measured.history.probes.clock_error_ns / 1e6,
    }


def affinity_evidence(measured: Affinity) -> dict[str, Any]:
    """Return the share changes and some of the moves."""
    request_ns, versions = measured.window.request_ns, measured.history.versions
    instances = measured.history.instances
    moves = measured.moves
    examples = np.flatnonzero(moves.after_ns >= request_ns)[:_EXAMPLES].tolist()
    return {
        "share_changes": [
            {
                "earliest_after_request_s": round((change.at.earliest_ns - request_ns) / 1e9, 3),
                "latest_after_request_s": round((change.at.latest_ns - request_ns) / 1e9, 3),
                "share_before_ratio": round(change.share_before, 4),
                "share_after_ratio": round(change.share_after, 4),
                "countable_sessions_count": count,
            }
            for change, count in zip(measured.changes, measured.countable.by_change, strict=True)
        ],
        "moves": [
            {
                "session": int(moves.session[row]),
                "after_request_s": round((int(moves.after_ns[row]) - request_ns) / 1e9, 3),
                "from": _server(versions, instances, int(moves.old_version[row]), int(moves.old_instance[row])),
                "to": _server(versions, instances, int(moves.new_version[row]), int(moves.new_instance[row])),
            }
            for row in examples
        ],
    }


def _server(versions: tuple[str, ...], instances: tuple[str, ...], version: int, instance: int) -> str:
    return f"{versions[version]} on {instances[instance]}" if instance >= 0 else versions[version]
