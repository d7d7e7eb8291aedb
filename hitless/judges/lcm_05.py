"""RQ-LCM-05: tasks of an operation work in the states that permit them, only there, and lead where they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hitless.history import Attempt, History
from hitless.judges import contract, wording
from hitless.judges.evidence import violated_since
from hitless.judges.task_results import end_check, target_check
from hitless.measures import documents
from hitless.measures.life_cycle import PERMITTED, TASKS
from hitless.measures.operations import Course, courses, possible_states
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-LCM-05"
STATES = ("PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "COMPLETED", "FAILED", "ROLLED_BACK")
"""States in which tasks are tried; STARTING is over before anybody can ask."""
MODES = ("GRACEFUL", "FORCEFUL")
_FEATURES: Mapping[str, str] = {"cancel": "cancel", "retry": "retry", "rollback": "supported", "fail": "fail"}
"""What sut.yaml calls the tasks, under ``rollback``."""


def judge_lcm_05(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge the tasks of operations: who accepts them when, and what becomes of the operation.

    Expected results:
        * PASS: every task was tried in every state that the system under test can be brought to, was accepted where it
          is permitted (202; fail 200 and the operation occurrence) and refused with 409 and ProblemDetails elsewhere;
          each accepted one led to its state; links told the same; every operation ended.
        * FAIL: one of these did not hold, or an operation did not leave a state until the deadline.
        * INCONC: a task was not tried in a state, its effect was not seen, or the operation may have changed its state
          by itself just then.

    Args:
        history: requests and tasks.
        limits: ``wrong_answers_count``, ``wrong_results_count``, ``wrong_links_count``.
    """
    seen = courses(history)
    made = [one for _, one in contract.attempts_named(history, *TASKS)]
    checks = (
        _answer_check(history, seen, limits["wrong_answers_count"]),
        target_check(history, seen, limits["wrong_results_count"]),
        _link_check(history, limits["wrong_links_count"]),
        end_check(history, seen, limits["wrong_results_count"]),
        contract.recording_check(history),
    )
    figures: dict[str, float | int | str | None] = {
        "tasks_count": len(made),
        "tasks_accepted_count": sum(1 for one in made if contract.accepted(one)),
        "operations_count": len(seen),
        "longest_answer_ms": max([(one.answered_ns - one.asked_ns) / 1e6 for one in made], default=None),
    }
    answers = [{"task": contract.in_words(one), "answer": contract.answer(one)} for one in made]
    verdict = Verdict(REQUIREMENT, checks, figures, dict(limits), {"answers": answers})
    wrong = (one.asked_ns for one in made if one.status is not None and one.state and _wrong_answer(one, one.state))
    return violated_since(verdict, wrong)


def _answer_check(history: History, seen: tuple[Course, ...], limit: float) -> Check:
    name, subject = "answers", "Tasks"
    wrong, undecided, apart = [], [], []
    tried: set[tuple[str, str]] = set()
    modes: set[str] = set()
    for _, one in contract.attempts_named(history, *TASKS):
        if one.status is None or not one.state:  # without the state nothing says what would have been right
            continue
        tried.add((one.state, one.name))
        if one.name == "cancel" and one.state == "PROCESSING" and contract.accepted(one):
            modes.add(str(one.params.get("cancelMode", "")))
        problem = _wrong_answer(one, one.state)
        if problem and one.status == 404 and not contract.supported(history, _FEATURES[one.name]):
            apart.append(f"{one.name} (404)")
        elif problem and any(not _wrong_answer(one, state) for state in possible_states(one, seen)):
            undecided.append(f"whether {contract.in_words(one)} was still in that state ({contract.answer(one)})")
        elif problem:
            wrong.append(problem)
    if len(wrong) > limit:
        return contract.violations(name, subject, wrong, limit, where=contract.HTTP_LOG, passed="")
    wanted = list(_cells(history))
    missing = [f"{task} in {state}" for state, task in wanted if (state, task) not in tried]
    missing += [
        f"cancel ({mode}) in PROCESSING" for mode in MODES if ("PROCESSING", "cancel") in wanted and mode not in modes
    ]
    if undecided or missing:
        return contract.blind(name, subject, [*undecided, *missing], where=contract.HTTP_LOG)
    apart += [f"{task} (rollback.{key})" for task, key in _FEATURES.items() if not contract.supported(history, key)]
    passed = f"{len(tried)} of {len(wanted)} pairs of state and task answered as they should be"
    return Check(name, Outcome.PASS, f"{passed}{contract.not_applicable(list(dict.fromkeys(apart)))}")


def _cells(history: History) -> Iterator[tuple[str, str]]:
    """Yield the states that the system under test can be brought to, each with the tasks that it knows."""
    able = {task: contract.supported(history, key) for task, key in _FEATURES.items()}
    reachable = {
        "PROCESSING": True,
        "COMPLETED": True,
        "FAILED_TEMP": able["cancel"],
        "FAILED": able["cancel"] and able["fail"],
        "ROLLING_BACK": able["cancel"] and able["rollback"],
        "ROLLED_BACK": able["cancel"] and able["rollback"],
    }
    yield from ((state, task) for state in STATES if reachable[state] for task in TASKS if able[task])


def _wrong_answer(attempt: Attempt, state: str) -> str:
    """Return what is wrong with the answer to a task, had it been asked for in that state; "" if nothing is."""
    if attempt.name not in PERMITTED.get(state, frozenset()):
        return contract.wrong_refusal(attempt, {409})
    expected = 200 if attempt.name == "fail" else 202
    if attempt.status != expected:
        return f"{contract.in_words(attempt)}: {contract.answer(attempt)} in place of {expected}"
    if attempt.name == "fail" and documents.mapping(attempt.body).get("id") != attempt.operation_id:
        return f"{contract.in_words(attempt)}: 200 without the operation occurrence"
    return ""


def _link_check(history: History, limit: float) -> Check:
    """Hold the links of operation occurrences against what their states permit."""
    name, subject = "links", "Links of operation occurrences"
    wrong: dict[str, None] = {}
    states: set[str] = set()
    for shown in documents.snapshots(history, "operation"):
        state = str(shown.document.get("operationState", ""))
        if state not in PERMITTED:
            continue
        states.add(state)
        links = documents.mapping(shown.document.get("_links"))
        pending = shown.document.get("isCancelPending") is True
        for task, key in _FEATURES.items():
            permitted = task in PERMITTED[state]
            # What is not supported, and a second cancellation, may be offered or not.
            if permitted and (pending or not contract.supported(history, key)):
                continue
            if (task in links) != permitted:
                wrong[f"{task} {'missing' if permitted else 'offered'} in {state}"] = None
    if len(wrong) > limit:
        return contract.violations(name, subject, list(wrong), limit, where=contract.SNAPSHOTS_LOG, passed="")
    missing = [state for state in dict.fromkeys(state for state, _ in _cells(history)) if state not in states]
    if missing:
        told = [f"an operation occurrence in {state}" for state in missing]
        return contract.blind(name, subject, told, where=contract.SNAPSHOTS_LOG)
    return Check(name, Outcome.PASS, f"links match the permissions in {wording.count(len(states))} states")
