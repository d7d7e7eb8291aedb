"""RQ-LCM-02: operations go through legal states only, each is notified once, and none before it can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hitless.history import History, OperationState
from hitless.judges import contract, wording
from hitless.judges.common import never_requested
from hitless.judges.evidence import violated_since
from hitless.measures import documents
from hitless.measures.life_cycle import SETTLED_STATES
from hitless.measures.operations import Course, Entry, courses, received_ns
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-LCM-02"
_READ_SOON_NS = 500_000_000
"""The resource is read so soon after a notification."""


def judge_lcm_02(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge the states of operations, as polled and as notified.

    Expected results:
        * PASS: all transitions are legal; every entering of a state was notified once and in time, START for STARTING
          and RESULT for states in which an operation settles; no reading after a notification showed an earlier state.
        * FAIL: one of these did not hold, whatever the polling may have missed.
        * INCONC: no notification arrived at all, no operation was seen, or it was not followed until it settled.

    Args:
        history: any procedure with operations.
        limits: ``illegal_transitions_count``, ``unpaired_notifications_count``, ``notification_latency_s``,
            ``stale_reads_count``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    seen = courses(history)
    checks = [_transition_check(seen, limits["illegal_transitions_count"])]
    if any(course.notes_count for course in seen):
        checks += [
            _pairing_check(history, seen, limits),
            _status_check(seen, limits["unpaired_notifications_count"]),
            _latency_check(seen, limits["notification_latency_s"]),
            _stale_check(history, seen, limits["stale_reads_count"]),
        ]
    else:
        checks.append(_no_path_back(history))
    checks += [_end_check(seen), contract.recording_check(history)]
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(seen), dict(limits), _evidence(history, seen))
    illegal = [entry.entered.latest_ns for course in seen for entry in course.entries if not entry.legal]
    surplus = [received_ns(note) for course in seen for note in course.surplus]
    return violated_since(verdict, illegal + surplus)


def _transition_check(seen: Sequence[Course], limit: float) -> Check:
    name, subject = "transitions", "Operation states"
    if not seen:
        message = f"{subject} - no operation was seen - Expected: its states, Actual: none - see operations.jsonl"
        return Check(name, Outcome.INCONC, message, ("I12",))
    illegal = [
        f"{before or 'nothing'} to {entry.state} in operation {course.operation_id}"
        for course in seen
        for before, entry in zip(("", *course.states), course.entries, strict=False)
        if not entry.legal
    ]
    illegal += [
        f"{entry.state} skipped in operation {course.operation_id}" for course in seen for entry in _skipped(course)
    ]
    states = sum(len(course.entries) for course in seen)
    passed = f"{states} states of {len(seen)} operations entered by legal transitions"
    return contract.violations(name, subject, illegal, limit, where=contract.OPERATIONS_LOG, passed=passed)


def _skipped(course: Course) -> Iterator[Entry]:
    """Yield states that must lie between others and that nobody saw, although those around them were notified."""
    for index, entry in enumerate(course.entries):
        if entry.seen:
            continue
        before = [one for one in course.entries[:index] if one.seen][-1:]
        after = [one for one in course.entries[index + 1 :] if one.seen][:1]
        # Nothing comes before the first state: that notifications arrive shows in the one after it.
        if after and all(one.note is not None for one in (*before, *after)):
            yield entry


def _no_path_back(history: History) -> Check:
    refused = next((event for event in history.events if event.name == "subscription-refused"), None)
    if refused is not None:
        actual = f"subscription refused, {refused.detail.get('message', 'no reason recorded')}"
    elif contract.declared(history, "notifications") is None:
        actual = "none declared"
    else:
        actual = "none arrived, so the path back is not proven"
    message = f"Notifications - no path back to the tester - Expected: notifications, Actual: {actual}"
    return Check("notifications", Outcome.INCONC, f"{message} - see notifications in sut.yaml", ("I12",))


def _pairing_check(history: History, seen: Sequence[Course], limits: Mapping[str, float]) -> Check:
    """Hold enterings of states against notifications: one for each, none without one."""
    name, subject, limit = "notifications", "Notifications", limits["unpaired_notifications_count"]
    late_ns = round(limits["notification_latency_s"] * 1e9)
    heard_ns = _heard_until_ns(history)
    unpaired: list[str] = []
    open_ones: list[str] = []
    for course in seen:
        for entry in (one for one in course.entries if one.note is None and one.polled):
            told = f"none for {entry.state} of operation {course.operation_id}"
            (unpaired if entry.entered.latest_ns + late_ns <= heard_ns else open_ones).append(told)
        unpaired += [f"one too many for {note.state} of operation {course.operation_id}" for note in course.surplus]
    if len(unpaired) > limit:
        return contract.violations(name, subject, unpaired, limit, where=contract.HTTP_LOG, passed="")
    unseen = [
        f"{entry.state} of operation {course.operation_id}"
        for course in seen
        for entry in course.entries
        if not entry.seen and entry not in tuple(_skipped(course))
    ]
    if open_ones or unseen:
        return contract.blind(name, subject, [*open_ones, *unseen], where=contract.OPERATIONS_LOG)
    states = sum(1 for _ in _told(seen))
    return Check(name, Outcome.PASS, f"{states} of {states} states that were seen are notified, each once")


def _heard_until_ns(history: History) -> int:
    """Return until when notifications were taken for sure."""
    ends = [event.at_ns for event in history.events if event.name == "traffic-stopped"]
    known = [*ends, *(state.entered.latest_ns for state in history.operations)]
    return ends[-1] if ends else max(known, default=0)


def _status_check(seen: Sequence[Course], limit: float) -> Check:
    """Hold notificationStatus against the state: START for STARTING, RESULT for states that are a result."""
    wrong = []
    for course in seen:
        for entry in course.entries:
            expected = "START" if entry.state == "STARTING" else "RESULT" if entry.state in SETTLED_STATES else ""
            actual = entry.note.detail.get("notificationStatus") if entry.note is not None else expected
            if expected and actual != expected:
                wrong.append(f"{actual or 'none'} in place of {expected} for {entry.state} of {course.operation_id}")
    passed = "notificationStatus START for STARTING, RESULT for settled states"
    subject = "Notification status"
    return contract.violations("status", subject, wrong, limit, where=contract.HTTP_LOG, passed=passed)


def _latency_check(seen: Sequence[Course], limit_s: float) -> Check:
    name, limit_ns = "notification latency", round(limit_s * 1e9)
    least, most, worst = 0, 0, ""
    for course, entry, note in _told(seen):
        # Between the end of the interval in which the state began, and its beginning.
        sure, possible = received_ns(note) - entry.entered.latest_ns, received_ns(note) - entry.entered.earliest_ns
        if sure > least or not worst:
            worst = f"{entry.state} of operation {course.operation_id}"
        least, most = max(least, sure), max(most, possible)
    if not worst:
        return contract.blind(name, "Notifications", ["one that tells of a polled state"], where=contract.HTTP_LOG)
    told = f"Notification - {worst} told late - Expected: <= {limit_s:g} s, Actual: {wording.seconds(least)}"
    if least > limit_ns:
        return Check(name, Outcome.FAIL, f"{told} at least - see {contract.HTTP_LOG}")
    if most > limit_ns:
        return Check(name, Outcome.INCONC, f"{told} to {wording.seconds(most)}, too coarse to tell", ("I4",))
    return Check(name, Outcome.PASS, f"every notification within {wording.below(most)}")


def _told(seen: Sequence[Course]) -> Iterator[tuple[Course, Entry, OperationState]]:
    for course in seen:
        for entry in course.entries:
            if entry.note is not None:
                yield course, entry, entry.note


def _stale_check(history: History, seen: Sequence[Course], limit: float) -> Check:
    """Hold what was read right after each notification against it: that state, or a later one."""
    name, subject = "state before notification", "Reading after a notification"
    read, failed = 0, 0
    stale: list[str] = []
    unread: list[str] = []
    for course in seen:
        for index, entry in enumerate(course.entries):
            shown = entry.note.detail.get("shown_state") if entry.note is not None else None
            if entry.note is None:
                continue
            if shown is None:
                failed += 1
                if _was_absent(history, entry.note):
                    stale.append(f"404 after {entry.state} was notified, operation {course.operation_id}")
                elif entry.state == "STARTING":  # whether it is there before it is told of, this one alone shows
                    unread.append(f"operation {course.operation_id} after {entry.state} was notified")
                continue
            read += 1
            if _is_earlier(course, index, str(shown), int(entry.note.detail["shown_answered_ns"])):
                stale.append(f"{shown} after {entry.state} was notified, operation {course.operation_id}")
    if len(stale) <= limit and (unread or not read):
        return contract.blind(name, subject, unread or ["any notification"], where=contract.OPERATIONS_LOG)
    passed = f"{read} readings right after a notification show its state or a later one, {failed} failed"
    return contract.violations(name, subject, stale, limit, where=contract.OPERATIONS_LOG, passed=passed)


def _was_absent(history: History, note: OperationState) -> bool:
    """Tell whether reading the operation brought 404 when a notification of it had arrived."""
    at_ns = received_ns(note)
    return any(
        event.name == "management-outage"
        and event.detail.get("status") == 404
        and str(event.detail.get("request", "")).rstrip("/").endswith(f"/{note.operation_id}")
        and event.at_ns <= at_ns + _READ_SOON_NS
        and (event.detail.get("ended_ns") is None or event.detail["ended_ns"] >= at_ns)
        for event in history.events
    )


def _is_earlier(course: Course, index: int, shown: str, at_ns: int) -> bool:
    """Tell whether a state that was shown lies before an entering, and cannot be one after it."""
    later = [entry for entry in course.entries[index + 1 :] if entry.entered.earliest_ns <= at_ns]
    known = {entry.state for entry in course.entries[:index]}
    return shown in known and shown not in {course.entries[index].state, *(entry.state for entry in later)}


def _end_check(seen: Sequence[Course]) -> Check:
    open_ones = [
        f"operation {course.operation_id} in {course.last_state}"
        for course in seen
        if course.last_state not in SETTLED_STATES
    ]
    if open_ones:
        told = documents.in_words(open_ones)
        message = f"Operation states - not followed until settled - Expected: all, Actual: {told} seen last"
        return Check("ends", Outcome.INCONC, f"{message} - see {contract.OPERATIONS_LOG}", ("I12",))
    return Check("ends", Outcome.PASS, f"{len(seen)} operations followed until they settled")


def _figures(seen: Sequence[Course]) -> dict[str, float | int | str | None]:
    at_least = [received_ns(note) - entry.entered.latest_ns for _, entry, note in _told(seen)]
    at_most = [received_ns(note) - entry.entered.earliest_ns for _, entry, note in _told(seen)]
    return {
        "operations_count": len(seen),
        "states_count": sum(len(course.entries) for course in seen),
        "states_not_polled_count": sum(1 for course in seen for entry in course.entries if not entry.polled),
        "notifications_count": sum(course.notes_count for course in seen),
        "surplus_notifications_count": sum(len(course.surplus) for course in seen),
        "longest_notification_latency_at_least_ms": max((max(0, one) / 1e6 for one in at_least), default=None),
        "longest_notification_latency_at_most_ms": max((one / 1e6 for one in at_most), default=None),
    }


def _evidence(history: History, seen: Sequence[Course]) -> dict[str, object]:
    request_ns = history.when("request") or 0
    return {
        "states": [
            {
                "operation": course.operation_id,
                "state": entry.state,
                "latest_after_request_s": round((entry.entered.latest_ns - request_ns) / 1e9, 3),
                "polled": entry.polled,
                "notified": entry.note is not None,
            }
            for course in seen
            for entry in course.entries
        ]
    }
