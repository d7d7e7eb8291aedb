"""Histories with a part of the evidence taken away, as accidents of recording and of the tester do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np

from hitless.history import UNMARKED, Attempt, Ending, History, OperationState, Snapshot

Mutilation = Callable[[History], History]


def without_snapshots(history: History, gone: Callable[[Snapshot], bool]) -> History:
    return replace(history, snapshots=tuple(one for one in history.snapshots if not gone(one)))


def with_documents(history: History, edit: Callable[[Snapshot], Mapping[str, Any]]) -> History:
    return replace(history, snapshots=tuple(replace(one, document=edit(one)) for one in history.snapshots))


def without_states(history: History, gone: Callable[[OperationState], bool]) -> History:
    return replace(history, operations=tuple(one for one in history.operations if not gone(one)))


def with_attempts(history: History, edit: Callable[[int, Attempt], Attempt | None]) -> History:
    made = (edit(index, one) for index, one in enumerate(history.attempts))
    return replace(history, attempts=tuple(one for one in made if one is not None))


def without_event(history: History, name: str) -> History:
    return replace(history, events=tuple(one for one in history.events if one.name != name))


def only_samples(history: History, rows: slice | list[int]) -> History:
    counters = history.counters
    apart = {"pg_ids", "port_ids"}
    kept = {one.name: getattr(counters, one.name)[rows] for one in fields(counters) if one.name not in apart}
    return replace(history, counters=replace(counters, **kept))


def only_probes(history: History, keep: Callable[[History], Any]) -> History:
    probes, rows = history.probes, keep(history)
    columns = {one.name: getattr(probes, one.name) for one in fields(probes)}
    kept = {name: value[rows] for name, value in columns.items() if isinstance(value, np.ndarray)}
    return replace(history, probes=replace(probes, **kept))


def with_probes(history: History, **columns: Any) -> History:
    return replace(history, probes=replace(history.probes, **columns))


def without_version(history: History, version: int) -> History:
    marks = history.probes.version
    return with_probes(history, version=np.where(marks == version, UNMARKED, marks).astype(marks.dtype))


def same_instance(history: History, value: int) -> History:
    return with_probes(history, instance=np.full_like(history.probes.instance, value))


def stopped(history: History, ending: Ending) -> History:
    return replace(history, ending=ending, ending_reason="for the sake of it")


def cut(history: History, name: str, later_s: float) -> History:
    """End a recording some time after an event, as if the tester had been killed then."""
    event_ns = history.when(name)
    assert event_ns is not None
    at_ns = event_ns + round(later_s * 1e9)
    shown = [one for one in history.snapshots if one.first.latest_ns <= at_ns]
    seen = replace(
        history,
        ending=Ending.STOPPED_BY_TESTER,
        ending_reason="killed",
        events=tuple(one for one in history.events if one.at_ns <= at_ns),
        operations=tuple(one for one in history.operations if one.entered.latest_ns <= at_ns),
        attempts=tuple(one for one in history.attempts if one.answered_ns <= at_ns),
        snapshots=tuple(replace(one, until_ns=min(one.until_ns, at_ns)) for one in shown),
    )
    seen = only_probes(seen, lambda of: of.probes.received_ns <= at_ns)
    return only_samples(seen, slice(0, int(np.searchsorted(history.counters.answered_ns, at_ns))))


def failed(history: History, state: str) -> History:
    """Have the operation end in another state than COMPLETED, as states and documents tell."""

    def document(one: Snapshot) -> Mapping[str, Any]:
        done = one.document.get("operationState") == "COMPLETED"
        return {**one.document, "operationState": state} if done else one.document

    states = (replace(one, state=state) if one.state == "COMPLETED" else one for one in history.operations)
    return with_documents(replace(history, operations=tuple(states)), document)


def _unanswered(_: int, one: Attempt) -> Attempt:
    return replace(one, status=None, body=None, problem="timed out")


def mutilations(history: History) -> Iterator[tuple[str, Mutilation]]:
    """Yield all ways to mutilate a history, each with a name."""
    yield from _documents(history)
    yield from _answers()
    yield from _traffic()
    for name in sorted({event.name for event in history.events}):
        yield f"no-event-{name}", partial(without_event, name=name)
    yield "stopped-by-sut", partial(stopped, ending=Ending.STOPPED_BY_SUT)
    yield "stopped-by-tester", partial(stopped, ending=Ending.STOPPED_BY_TESTER)
    yield "no-events", lambda of: replace(of, events=())
    yield "no-groups", lambda of: replace(of, groups=())
    yield "nothing-declared", lambda of: replace(of, sut={})
    yield "failed-temp", partial(failed, state="FAILED_TEMP")
    yield "rolled-back", partial(failed, state="ROLLED_BACK")
    yield "cut-after-request", partial(cut, name="request", later_s=2.0)
    if history.when("operation-ended") is not None:
        yield "cut-at-end", partial(cut, name="operation-ended", later_s=0.0)
        yield "cut-in-tail", partial(cut, name="operation-ended", later_s=2.0)


def _documents(history: History) -> Iterator[tuple[str, Mutilation]]:
    yield "no-documents", lambda of: replace(of, snapshots=())
    for kind in sorted({one.kind for one in history.snapshots}):
        yield f"no-{kind}-documents", partial(without_snapshots, gone=lambda one, kind=kind: one.kind == kind)
        yield (
            f"empty-{kind}-documents",
            partial(with_documents, edit=lambda one, kind=kind: {} if one.kind == kind else one.document),
        )
        yield (
            f"no-followed-{kind}",
            partial(without_snapshots, gone=lambda one, kind=kind: (one.kind, one.label) == (kind, "followed")),
        )
    for label in sorted({one.label.partition(":")[0] for one in history.snapshots}):
        yield (
            f"no-{label}",
            partial(without_snapshots, gone=lambda one, label=label: one.label.partition(":")[0] == label),
        )
    yield "empty-documents", partial(with_documents, edit=lambda _: {})


def _answers() -> Iterator[tuple[str, Mutilation]]:
    yield "no-states", lambda of: replace(of, operations=())
    yield "no-polls", partial(without_states, gone=lambda one: one.source == "poll")
    yield "no-notifications", partial(without_states, gone=lambda one: one.source == "notification")
    yield "no-completed", partial(without_states, gone=lambda one: one.state == "COMPLETED")
    yield (
        "states-of-another-operation",
        lambda of: replace(of, operations=tuple(replace(one, operation="SCALE") for one in of.operations)),
    )
    yield (
        "nothing-read-after-notifications",
        lambda of: replace(
            of,
            operations=tuple(
                replace(one, detail={name: value for name, value in one.detail.items() if not name.startswith("shown")})
                for one in of.operations
            ),
        ),
    )
    yield "no-attempts", lambda of: replace(of, attempts=())
    yield "every-other-attempt", partial(with_attempts, edit=lambda index, one: one if index % 2 else None)
    yield "unanswered", partial(with_attempts, edit=_unanswered)
    yield (
        "every-third-unanswered",
        partial(with_attempts, edit=lambda index, one: one if index % 3 else _unanswered(index, one)),
    )
    yield "attempts-without-state", partial(with_attempts, edit=lambda _, one: replace(one, state=""))


def _traffic() -> Iterator[tuple[str, Mutilation]]:
    for count in range(3):
        yield f"{count}-samples", partial(only_samples, rows=slice(0, count))
    yield "first-half-of-samples", lambda of: only_samples(of, slice(0, len(of.counters.asked_ns) // 2))
    yield "second-half-of-samples", lambda of: only_samples(of, slice(len(of.counters.asked_ns) // 2, None))
    yield "no-probes", partial(only_probes, keep=lambda of: np.zeros(len(of.probes.number), np.bool_))
    yield (
        "first-half-of-probes",
        partial(only_probes, keep=lambda of: of.probes.sent_ns < np.median(of.probes.sent_ns)),
    )
    yield "every-other-probe", partial(only_probes, keep=lambda of: np.arange(len(of.probes.number)) % 2 == 0)
    yield "probes-not-identified", partial(with_probes, unidentified_count=500)
    yield "probes-not-stored", partial(with_probes, capture_lost_count=500)
    yield "no-target-mark", partial(without_version, version=1)
    yield "no-source-mark", partial(without_version, version=0)
    yield "no-instance-mark", partial(same_instance, value=UNMARKED)
    yield "one-instance-mark", partial(same_instance, value=0)
    yield "one-version", lambda of: replace(of, versions=of.versions[:1])
