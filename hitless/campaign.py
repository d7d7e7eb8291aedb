"""One run of the suite against one system under test: a procedure is recorded once and judged for many requirements."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hitless.catalogue import Catalogue
from hitless.history import History
from hitless.judging import judge_history
from hitless.procedures import failing_upgrade, requests_and_tasks, rollback_steps, selection_rules, upgrade
from hitless.procedures.bench import Bench, Timing
from hitless.recording import RecordingStore, load, recording_key
from hitless.sut import SystemUnderTest
from hitless.verdict import Outcome, Verdict

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording, where it lies, and whether it is the first one of its kind or the repeat."""

    history: History
    folder: Path
    attempt: int = 1


REPEATABLE = frozenset({"I1", "I2", "I3", "I4", "I6", "I7", "I10", "I12", "I14"})
"""Reasons for INCONC that another attempt may not have: the meter's own troubles and chance (docs/verdicts.md)."""


class Procedure(Protocol):
    """Records one procedure into an empty folder."""

    def __call__(self, bench: Bench, folder: Path, *, load_percent: float) -> None:
        """Record."""


class Campaign:
    """Records what scenarios ask for, each thing once."""

    def __init__(
        self,
        sut: SystemUnderTest,
        catalogue: Catalogue,
        profile_name: str,
        reports: Path,
        say: Callable[[str], None],
        *,
        repeats: bool = True,
    ) -> None:
        """Prepare; nothing is recorded yet.

        Args:
            sut: the declaration of the system under test.
            catalogue: requirements and profiles.
            profile_name: which profile.
            reports: recordings and logs go below this folder.
            say: takes a sentence for people who watch.
            repeats: whether a procedure may be recorded once more after an inconclusive verdict.

        Raises:
            CatalogueError: there is no such profile.
        """
        profile = catalogue.profile(profile_name)
        timing = Timing(profile.lead_in_s, profile.baseline_s, profile.tail_s, profile.churn_s)
        log_folder = reports / "logs"
        log_folder.mkdir(parents=True, exist_ok=True)

        def tell(sentence: str) -> None:
            _LOG.info(sentence)
            say(sentence)

        self._bench = Bench(sut, profile_name, timing, tell, log_folder)
        self._catalogue = catalogue
        self._store = RecordingStore(reports / "recordings")
        self._loaded: dict[Path, History] = {}
        self._makers: dict[Path, tuple[str, Procedure, float]] = {}
        self._repeats = repeats and _can_repeat(sut)

    def upgrade_under_load(self, load_percent: float) -> Recorded:
        """Return the recording of an upgrade at this load."""
        return self._record(upgrade.PROCEDURE, upgrade.record_upgrade, load_percent)

    def failing_upgrade(self, load_percent: float) -> Recorded:
        """Return the recording of an upgrade to software that fails, and of its rollback."""
        return self._record(failing_upgrade.PROCEDURE, failing_upgrade.record_failing_upgrade, load_percent)

    def rollback_at_every_step(self, load_percent: float) -> Recorded:
        """Return the recording of a rollback in each step of the upgrade, and of a downgrade."""
        return self._record(rollback_steps.PROCEDURE, rollback_steps.record_rollback_steps, load_percent)

    def selection_rules(self, load_percent: float) -> Recorded:
        """Return the recording of selection rules while both versions are in service."""
        return self._record(selection_rules.PROCEDURE, selection_rules.record_selection_rules, load_percent)

    def requests_and_tasks(self, load_percent: float) -> Recorded:
        """Return the recording of requests that have to be refused and of tasks in every state."""
        return self._record(requests_and_tasks.PROCEDURE, requests_and_tasks.record_requests_and_tasks, load_percent)

    def judge(self, recorded: Recorded, requirement_id: str) -> Verdict:
        """Return what the judge of a requirement says about a recording."""
        return judge_history(recorded.history, requirement_id, self._catalogue)

    def may_repeat(self, verdict: Verdict, recorded: Recorded) -> bool:
        """Tell whether a verdict may be set aside for a repeat's: INCONC, by the meter's doing, the first time."""
        by_the_meter = bool(verdict.reasons) and REPEATABLE.issuperset(verdict.reasons)
        return self._repeats and recorded.attempt == 1 and verdict.outcome is Outcome.INCONC and by_the_meter

    def repeated(self, recorded: Recorded) -> Recorded:
        """Return the repeat of a recording; make it if nobody has asked for it before.

        Raises:
            RecordingError: there is none, and why.
        """
        return self._record(*self._makers[recorded.folder], attempt=2)

    def _record(self, procedure: str, perform: Procedure, load_percent: float, *, attempt: int = 1) -> Recorded:
        """Return a recording; make it if nobody has asked for it before.

        Raises:
            RecordingError: there is none, and why.
        """
        parameters = {"load_percent": load_percent, **({"attempt": attempt} if attempt > 1 else {})}
        key = recording_key(procedure, parameters, self._bench.sut.public(), self._bench.profile)
        folder = self._store.get_or_record(key, lambda folder: perform(self._bench, folder, load_percent=load_percent))
        if folder not in self._loaded:
            self._loaded[folder] = load(folder)
            self._makers[folder] = (procedure, perform, load_percent)
        return Recorded(self._loaded[folder], folder, attempt)


def _can_repeat(sut: SystemUnderTest) -> bool:
    """Tell whether the tester can bring everything back to where it was, and start again by itself."""
    own = sut.vnf.instance_id is None or (sut.disruptive_allowed and sut.rollback.downgrade)
    return sut.upgrade.trigger == "sol003" and own


@dataclass(slots=True)
class Situation:
    """What the steps of one scenario have said so far."""

    load_percent: float = 100.0
    recorded: Recorded | None = field(default=None)

    def recording(self) -> Recorded:
        """Return what a When step has recorded.

        Raises:
            ValueError: no When step has recorded anything.
        """
        if self.recorded is None:
            raise ValueError("scenario - nothing was recorded - Expected: a When step before the Then")
        return self.recorded
