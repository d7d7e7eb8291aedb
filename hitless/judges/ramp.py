"""What is measured of the new version's share during an upgrade: users who come anew, plateaus, offered load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hitless.history import History, Interval
from hitless.judges import wording
from hitless.judges.common import Window
from hitless.judges.evidence import MOST_UNMARKED_RATIO
from hitless.measures.shares import Arrivals, Plateau, arrivals, plateaus
from hitless.measures.sightings import section
from hitless.measures.timelines import Timeline, timelines
from hitless.verdict import Check, Outcome

MOST_PARTIAL_SHARE = 0.98
"""A share above it is all of them but for stragglers: smaller steps than 2 % are not told from none."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """The share of the new version, measured once."""

    history: History
    window: Window
    streams: tuple[Timeline, ...]
    arrivals: Arrivals
    plateaus: tuple[Plateau, ...]

    @property
    def first_partial(self) -> Plateau | None:
        """The first plateau if it is a part of the users and not all of them."""
        first = self.plateaus[0] if self.plateaus else None
        return first if first is not None and 0.0 < first.share <= MOST_PARTIAL_SHARE else None


def measure_ramp(history: History, window: Window) -> Ramp:
    """Find the users who came anew and the plateaus of the new version's share among them."""
    streams = timelines(history)
    found = arrivals(streams, history.session_timeout_s)
    return Ramp(history, window, streams, found, plateaus(found.opened, found.unanswered_ns))


def declared_first_share(history: History) -> float | None:
    """Return the share that the first step is declared to have, None if it is not declared."""
    value = section(history.sut, "upgrade").get("first_share")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def arrivals_check(ramp: Ramp) -> Check:
    """Hold users who come anew against: each goes to the old or to the new version, and it shows."""
    name, found = "old and new share", ramp.arrivals
    total = len(found.opened.sent_ns) + found.unmarked
    if total and found.unmarked_ratio <= MOST_UNMARKED_RATIO:
        return Check(name, Outcome.PASS, f"{wording.count(total)} users came anew, old and new share add up to 1")
    return Check(
        name,
        Outcome.INCONC,
        f"Shares - users who came anew without a version mark - Expected: old and new share add up to "
        f">= {wording.percent(1 - MOST_UNMARKED_RATIO)}, Actual: {wording.count(found.unmarked)} of "
        f"{wording.count(total)} users unmarked - see the marks in manifest.json",
        ("I9",),
    )


def no_plateau(history: History) -> Check:
    """Return the check for a recording in which no user came anew to the new version."""
    target = history.versions[-1] if history.versions else "the target version"
    return Check(
        "share",
        Outcome.INCONC,
        f"Share - no user who came anew was served by {target} - Expected: some after the request, Actual: none - "
        f"do the marks of both versions appear?",
        ("I9",),
    )


def told(plateau: Plateau) -> str:
    """Say what a plateau's users say."""
    low, high = plateau.bounds
    return (
        f"{wording.percent(plateau.share)} ({wording.count(plateau.on_new)} of {wording.count(plateau.users)} users, "
        f"{wording.percent(low)} to {wording.percent(high)} at 95 %)"
    )


def seconds_after(instant: Interval, request_ns: int) -> str:
    """Say when something was at the latest, in seconds after the request."""
    return f"{wording.seconds(instant.latest_ns - request_ns)} after the request"


def ramp_figures(ramp: Ramp) -> Mapping[str, float | int | str | None]:
    """Return the numbers behind the shares."""
    first = ramp.plateaus[0] if ramp.plateaus else None
    return {
        "plateaus_count": len(ramp.plateaus),
        "first_share_ratio": None if first is None else first.share,
        "first_share_lower_bound_ratio": None if first is None else first.bounds[0],
        "first_share_upper_bound_ratio": None if first is None else first.bounds[1],
        "first_plateau_users_count": 0 if first is None else first.users,
        "first_plateau_s": None if first is None else (first.end.earliest_ns - first.start.latest_ns) / 1e9,
        "last_share_ratio": ramp.plateaus[-1].share if ramp.plateaus else None,
        "unmarked_users_count": ramp.arrivals.unmarked,
        "unanswered_users_count": len(ramp.arrivals.unanswered_ns) + len(ramp.arrivals.late_ns),
    }
