"""RQ-LCM-03: while an operation of an instance is not over, a second one is refused and does not disturb it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hitless.history import Attempt, History, Snapshot
from hitless.judges import contract, wording
from hitless.judges.evidence import violated_since
from hitless.measures import documents
from hitless.measures.life_cycle import FINAL_STATES
from hitless.measures.operations import Course, courses, possible_states
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-LCM-03"
SECOND = ("second-change_vnfpkg", "second-scale", "second-terminate")
STATES = ("PROCESSING", "FAILED_TEMP")
"""States of the first operation in which a second one is tried."""
_UNCHANGING = ("operation", "operationParams", "vnfInstanceId", "startTime", "isAutomaticInvocation")
"""Attributes of an operation occurrence that stay what they are from its beginning."""


def judge_lcm_03(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how second operations are answered, and whether they disturb the first one.

    Expected results:
        * PASS: each second operation was refused with 409 and ProblemDetails; no operation came into being; the first
          one stayed in its state, and its documents and the VNF instance did not change by it.
        * FAIL: one of these did not hold.
        * INCONC: an attempt, or what was to be looked at around it, is missing, or the first operation may just have
          ended by itself.

    Args:
        history: requests and tasks.
        limits: ``wrong_answers_count``, ``disturbances_count``.
    """
    made = contract.attempts_named(history, *SECOND)
    seen = courses(history)
    checks = (
        _refusal_check(history, seen, limits["wrong_answers_count"]),
        _disturbance_check(history, seen, limits["disturbances_count"]),
        _document_check(history, limits["disturbances_count"]),
        contract.recording_check(history),
    )
    figures = {
        "second_operations_count": len(made),
        "second_operations_accepted_count": sum(1 for _, one in made if contract.accepted(one)),
        "longest_answer_ms": max([(one.answered_ns - one.asked_ns) / 1e6 for _, one in made], default=None),
    }
    answers = [{"request": contract.in_words(one), "answer": contract.answer(one)} for _, one in made]
    verdict = Verdict(REQUIREMENT, checks, figures, dict(limits), {"answers": answers})
    wrong = (one for _, one in made if contract.accepted(one) and not _may_be_in_order(one, seen))
    return violated_since(verdict, (one.asked_ns for one in wrong))


def _may_be_in_order(attempt: Attempt, seen: tuple[Course, ...]) -> bool:
    """Tell whether a second operation was accepted when the first one may have been over already."""
    return contract.accepted(attempt) and any(state in FINAL_STATES for state in possible_states(attempt, seen))


def _refusal_check(history: History, seen: tuple[Course, ...], limit: float) -> Check:
    name, subject = "refusals", "Second operations"
    wrong, undecided, apart = [], [], []
    answered: set[tuple[str, str]] = set()
    for _, one in contract.attempts_named(history, *SECOND):
        if one.status is None:
            continue
        answered.add((one.name, one.state))
        if one.name == "second-scale" and one.status == 404 and documents.is_problem(one.body):
            apart.append(f"{contract.in_words(one)} (404)")
        elif one.name == "second-scale" and one.status in {400, 422}:
            # The scaling aspect is the tester's guess where the VNF instance shows none, so this proves nothing.
            undecided.append(f"{contract.in_words(one)} for its state, it was refused for its content ({one.status})")
        elif _may_be_in_order(one, seen):
            undecided.append(f"whether the first operation was over before {contract.in_words(one)} was accepted")
        elif problem := contract.wrong_refusal(one, {409}):
            wrong.append(problem)
    if len(wrong) > limit:
        return contract.violations(name, subject, wrong, limit, where=contract.HTTP_LOG, passed="")
    missing = [f"{what} in {state}" for state, what in _wanted(history) if (what, state) not in answered]
    if undecided or missing:
        return contract.blind(name, subject, [*undecided, *missing], where=contract.HTTP_LOG)
    passed = f"{len(answered)} second operations refused with 409{contract.not_applicable([*apart, *_apart(history)])}"
    return Check(name, Outcome.PASS, passed)


def _wanted(history: History) -> Iterator[tuple[str, str]]:
    for state in STATES:
        if state == "PROCESSING" or contract.supported(history, "cancel"):
            yield from ((state, what) for what in SECOND)


def _apart(history: History) -> list[str]:
    return [] if contract.supported(history, "cancel") else ["second operations in FAILED_TEMP (rollback.cancel)"]


def _disturbance_check(history: History, seen: tuple[Course, ...], limit: float) -> Check:
    """Compare what MANO showed before and after each second operation."""
    name, subject = "first operation", "Second operations"
    found: list[str] = []
    missing: list[str] = []
    compared = 0
    for index, one in contract.attempts_named(history, *SECOND):
        looks = [
            documents.readable_snapshot(history, kind, f"{when}:{index}")
            for kind in ("operations", "vnf_instance")
            for when in ("before", "after")
        ]
        if any(look is None for look in looks):
            missing.append(f"operations and VNF instance around {contract.in_words(one)}")
            continue
        listed_before, listed_after, before, after = (look for look in looks if look is not None)
        if one.operation_id not in documents.items(listed_before) or _may_be_in_order(one, seen):
            missing.append(f"the first operation in the list around {contract.in_words(one)}")
            continue
        compared += 1
        found += [f"{contract.in_words(one)}: {what}" for what in _listed(one, listed_before, listed_after)]
        # While the first one runs the instance may change by it; after its failure nothing does.
        places = documents.differences(before.document, after.document) if one.state == "FAILED_TEMP" else ()
        found += [f"{contract.in_words(one)}: VNF instance changed, {documents.in_words(places)}"] if places else []
    if len(found) > limit:
        return contract.violations(name, subject, found, limit, where=contract.SNAPSHOTS_LOG, passed="")
    if missing or not compared:
        return contract.blind(name, subject, missing or ["every second operation"], where=contract.SNAPSHOTS_LOG)
    passed = f"no operation came into being and none was disturbed by {wording.count(compared)} second ones"
    return Check(name, Outcome.PASS, passed)


def _listed(attempt: Attempt, before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield what the list of operations shows of a second one."""
    old, new = documents.items(before), documents.items(after)
    for identifier in sorted(set(new) - set(old)):
        yield f"new operation {identifier} ({new[identifier].get('operation', 'of unknown kind')})"
    then = str(old[attempt.operation_id].get("operationState", ""))
    now = str(new.get(attempt.operation_id, {}).get("operationState", "gone"))
    # One that runs may end well by itself in the meantime; nothing else may happen to it.
    if now != then and not (then not in FINAL_STATES and now == "COMPLETED"):
        yield f"operation {attempt.operation_id} went from {then} to {now}"


def _document_check(history: History, limit: float) -> Check:
    """Look whether what an operation was asked to do changed on its way."""
    name, subject = "documents of the first operation", "Operation occurrence"
    made = [one for _, one in contract.attempts_named(history, *SECOND)]
    shown = {
        one: [look for look in documents.snapshots(history, "operation", subject=one) if look.document]
        for one in dict.fromkeys(attempt.operation_id for attempt in made)
    }
    changed = [
        f"{attribute} of operation {operation_id}"
        for operation_id, looks in shown.items()
        for attribute in _UNCHANGING
        if len({repr(look.document.get(attribute)) for look in looks}) > 1
    ]
    if len(changed) > limit:
        return contract.violations(
            name, f"{subject} - changed", changed, limit, where=contract.SNAPSHOTS_LOG, passed=""
        )
    missing = [
        f"operation {operation_id} before and after second ones"
        for operation_id, looks in shown.items()
        if not _surround(looks, [one for one in made if one.operation_id == operation_id])
    ]
    if missing or not shown:
        return contract.blind(name, subject, missing or ["any"], where=contract.SNAPSHOTS_LOG)
    looks_count = sum(len(looks) for looks in shown.values())
    return Check(name, Outcome.PASS, f"request and instance the same in {looks_count} documents of the first operation")


def _surround(looks: Sequence[Snapshot], made: Sequence[Attempt]) -> bool:
    """Tell whether documents were read both before the first and after the last of some requests."""
    before = any(look.first.latest_ns <= min(one.asked_ns for one in made) for look in looks)
    return before and any(look.until_ns >= max(one.answered_ns for one in made) for look in looks)
