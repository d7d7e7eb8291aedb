"""The long-lived sessions: they end after the last share change, and a filler offers their share of the load then.

A session that lives for ever would keep every correct system from finishing its drain; one that ended before the last
share change could not show a broken affinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from hitless.history import COHORT_STOPPED, Event
from hitless.procedures.live import LiveProbes
from hitless.procedures.share import ShareWatch

LONG_PART = "long"
FILLER_PART = "filler"
LOOK_INTERVAL_NS = 250_000_000
SOURCE = 0
"""Index of the source version among the marks."""
FEWEST_SESSIONS = 50
"""So many sessions must have begun before a missing mark means something."""
GROWTH = 0.01
"""A share that rises by less is not a step."""


class PartSwitch(Protocol):
    """Starts and stops parts of the traffic."""

    def start(self, part: str) -> tuple[int, int]:
        """Start a part."""

    def stop(self, part: str) -> tuple[int, int]:
        """Stop a part."""


class Cohort:
    """Ends the long-lived sessions at the right time."""

    def __init__(
        self,
        traffic: PartSwitch,
        probes: LiveProbes,
        watch: ShareWatch | None,
        *,
        patience_ns: int,
        note: Callable[[Event], None],
        clock_ns: Callable[[], int],
    ) -> None:
        """Prepare.

        Args:
            traffic: what stops the long-lived sessions and starts the load that replaces them.
            probes: shows which version serves the sessions that begin.
            watch: judges the share; None when packets carry no version mark.
            patience_ns: for how long the share may stand still before the sessions end all the same.
            note: takes the event for the recording.
            clock_ns: the tester's clock.
        """
        self._traffic = traffic
        self._probes = probes
        self._watch = watch
        self._patience_ns = patience_ns
        self._note = note
        self._clock_ns = clock_ns
        self._best_share = 0.0
        self._grew_ns: int | None = None
        self._next_look_ns = 0
        self.ended = False

    @property
    def target_share(self) -> float | None:
        """Share of the target version among the sessions that began last; None while unknown."""
        return self._watch.target_share if self._watch else None

    @property
    def complete(self) -> bool:
        """Whether every session that began for some time went to the target version."""
        return self._watch is not None and self._watch.complete

    def problem_with_marks(self) -> str:
        """Return what is wrong if no session that began so far carries the source version's mark, "" otherwise.

        Called before the upgrade is requested: a wrong mark is found while nothing has happened yet.
        """
        if self._watch is None:
            return ""
        opened_ns, version = self._probes.opened_sessions()
        self._watch.add(opened_ns, version)
        if len(version) < FEWEST_SESSIONS or np.any(version == SOURCE):
            return ""
        return (
            f"version mark of the source - none of {len(version)} sessions carries it - Expected: all - correct "
            "vnf.marks.versions in the declaration; `hitless check --traffic` shows what packets carry instead"
        )

    def look(self) -> None:
        """End the sessions if it is time; call it as often as convenient.

        Raises:
            TrafficError: the generator does not do it.
        """
        now_ns = self._clock_ns()
        if self.ended or now_ns < self._next_look_ns:
            return
        self._next_look_ns = now_ns + LOOK_INTERVAL_NS
        if self._grew_ns is None:
            self._grew_ns = now_ns
        reason = self._reason(now_ns)
        if reason:
            self.end(reason)

    def end(self, reason: str) -> None:
        """End the sessions now and let the filler offer their share of the load.

        Raises:
            TrafficError: the generator does not do it.
        """
        if self.ended:
            return
        self.ended = True
        asked_ns, _ = self._traffic.stop(LONG_PART)
        self._note(Event(asked_ns, COHORT_STOPPED, {"reason": reason}))
        asked_ns, _ = self._traffic.start(FILLER_PART)
        self._note(Event(asked_ns, "filler-started"))

    def _reason(self, now_ns: int) -> str:
        if self._watch is not None:
            self._watch.add(*self._probes.opened_sessions())
            share = self._watch.target_share or 0.0
            if share >= self._best_share + GROWTH:
                self._best_share, self._grew_ns = share, now_ns
            if self._watch.complete:
                return "the target version serves every new session"
        still_ns = now_ns - (self._grew_ns or now_ns)
        return "the share of the target version stands still" if still_ns > self._patience_ns else ""
