"""RQ-LCM-01: a valid request for a change of package is accepted, a bad one is refused and touches nothing."""

from __future__ import annotations

from collections.abc import Mapping

from hitless.history import Attempt, History
from hitless.judges import contract, wording
from hitless.judges.evidence import violated_since
from hitless.judges.requests_traffic import traffic_check, traffic_figures
from hitless.measures import documents
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-LCM-01"
VALID = "change_vnfpkg"
REFUSALS: Mapping[str, frozenset[int]] = {
    "change_vnfpkg-not-instantiated": frozenset({409}),
    "change_vnfpkg-unknown-instance": frozenset({404}),
    "change_vnfpkg-malformed": frozenset({400}),
    "change_vnfpkg-unknown-vnfd": frozenset({400, 404, 409, 422}),
    "change_vnfpkg-disabled-vnfd": frozenset({400, 404, 409, 422}),
}
"""Requests that have to be refused, and the statuses that are right.

For a descriptor that cannot be used, SOL003 lists no status of its own for this resource; 422 is what it lists where an
instance is created, and what implementations use.
"""


def judge_lcm_01(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how requests for a change of package are answered.

    Expected results:
        * PASS: each valid request gave 202, no body and the Location of an operation that can be read; each bad one
          was refused with a right status and ProblemDetails, changed neither the list of operations nor the VNF
          instance, and no packet was lost meanwhile.
        * FAIL: one of these did not hold.
        * INCONC: an attempt, or what was to be looked at around it, is missing; lost packets may be the tester's.

    Args:
        history: requests and tasks.
        limits: ``wrong_answers_count``, ``traces_count``.
    """
    bad = contract.attempts_named(history, *REFUSALS)
    checks = (
        _valid_check(history, limits["wrong_answers_count"]),
        _refusal_check(history, limits["wrong_answers_count"]),
        _trace_check(history, limits["traces_count"]),
        traffic_check(history, [one for _, one in bad]),
        contract.recording_check(history),
    )
    figures = {
        "valid_requests_count": len(contract.attempts_named(history, VALID)),
        "bad_requests_count": len(bad),
        "longest_answer_ms": max([(one.answered_ns - one.asked_ns) / 1e6 for _, one in bad], default=None),
        **traffic_figures(history, [one for _, one in bad]),
    }
    evidence = {"answers": [{"request": one.name, "answer": contract.answer(one)} for _, one in bad]}
    verdict = Verdict(REQUIREMENT, checks, figures, dict(limits), evidence)
    wrong = [one for _, one in bad if one.status is not None and contract.wrong_refusal(one, REFUSALS[one.name])]
    wrong += [one for _, one in contract.attempts_named(history, VALID) if _was_refused(history, one)]
    return violated_since(verdict, (one.asked_ns for one in wrong))


def _was_refused(history: History, attempt: Attempt) -> bool:
    return attempt.status is not None and bool(_wrong_acceptance(history, attempt))


def _valid_check(history: History, limit: float) -> Check:
    name, subject, made = "valid request", "Valid request", [one for _, one in contract.attempts_named(history, VALID)]
    answered = [one for one in made if one.status is not None]
    wrong = [problem for one in answered if (problem := _wrong_acceptance(history, one))]
    if len(wrong) > limit:
        return contract.violations(name, subject, wrong, limit, where=contract.HTTP_LOG, passed="")
    unread = [one for one in answered if contract.accepted(one) and not _was_read(history, one)]
    missing = [f"answer to {VALID}: {contract.answer(one)}" for one in made if one.status is None]
    missing += [f"operation {documents.identifier(one.location)}" for one in unread]
    if not made or missing:
        return contract.blind(name, subject, missing or [VALID], where=contract.HTTP_LOG)
    passed = f"{len(made)} of {len(made)} valid requests answered 202 with the Location of an operation"
    return Check(name, Outcome.PASS, passed)


def _wrong_acceptance(history: History, attempt: Attempt) -> str:
    """Return what is wrong with the answer to a valid request, "" if nothing is."""
    if attempt.status != 202:
        return f"{attempt.name}: {contract.answer(attempt)} in place of 202"
    if attempt.body is not None:
        return f"{attempt.name}: 202 with a body"
    identifier = documents.identifier(attempt.location)
    if not identifier:
        return f"{attempt.name}: 202 with {attempt.location or 'no Location'} in place of an operation's Location"
    if _is_absent(history, attempt) and not _was_read(history, attempt):
        return f"{attempt.name}: 202 with the Location of operation {identifier}, which is not there (404)"
    return ""


def _was_read(history: History, attempt: Attempt) -> bool:
    identifier = documents.identifier(attempt.location)
    polled = any(state.operation_id == identifier and state.source == "poll" for state in history.operations)
    return polled or bool(documents.snapshots(history, "operation", subject=identifier))


def _is_absent(history: History, attempt: Attempt) -> bool:
    """Tell whether reading the operation brought 404 after it had been accepted."""
    identifier = documents.identifier(attempt.location)
    return any(
        event.at_ns >= attempt.asked_ns
        and event.name in {"management-outage", "operation-ended"}
        and event.detail.get("status") == 404
        and str(event.detail.get("request", "")).rstrip("/").endswith(f"/{identifier}")
        for event in history.events
    )


def _refusal_check(history: History, limit: float) -> Check:
    name, subject = "refusals", "Bad requests"
    made = [one for _, one in contract.attempts_named(history, *REFUSALS)]
    wrong = [
        problem
        for one in made
        if one.status is not None and (problem := contract.wrong_refusal(one, REFUSALS[one.name]))
    ]
    if len(wrong) > limit:
        return contract.violations(name, subject, wrong, limit, where=contract.HTTP_LOG, passed="")
    answered = {one.name for one in made if one.status is not None}
    apart = _not_applicable(history)
    missing = [one for one in REFUSALS if one not in answered and one not in apart]
    if missing:
        return contract.blind(name, subject, missing, where=contract.HTTP_LOG)
    statuses = ", ".join(f"{one.name.removeprefix('change_vnfpkg-')} {one.status}" for one in made)
    return Check(name, Outcome.PASS, f"{len(made)} bad requests refused ({statuses}){contract.not_applicable(apart)}")


def _not_applicable(history: History) -> list[str]:
    """Return the bad requests for which the declaration gives no means."""
    made = {one.name for _, one in contract.attempts_named(history, *REFUSALS)}
    without = contract.declared(history, "vnf", "disabled_vnfd_id") is None
    return [name for name in ("change_vnfpkg-disabled-vnfd",) if without and name not in made]


def _trace_check(history: History, limit: float) -> Check:
    name, subject = "traces", "Refused requests"
    traces, missing, compared = [], [], 0
    for index, one in contract.attempts_named(history, *REFUSALS):
        for kind, what in (("operations", "the list of operations"), ("vnf_instance", "the VNF instance")):
            before = documents.readable_snapshot(history, kind, f"before:{index}")
            after = documents.readable_snapshot(history, kind, f"after:{index}")
            if before is None or after is None:
                missing.append(f"{what} around {one.name}")
                continue
            compared += 1
            places = documents.differences(before.document, after.document)
            traces += [f"{one.name} changed {what}: {documents.in_words(places)}"] if places else []
    if len(traces) > limit:
        return contract.violations(name, subject, traces, limit, where=contract.SNAPSHOTS_LOG, passed="")
    if missing or not compared:
        return contract.blind(name, subject, missing or ["every bad request"], where=contract.SNAPSHOTS_LOG)
    return Check(name, Outcome.PASS, f"{wording.count(compared)} documents the same before and after refused requests")
