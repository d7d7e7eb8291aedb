"""Whatever is missing of a recording, no judge that needs it says PASS, and none says FAIL for the lack of it alone."""

from __future__ import annotations

from functools import cache

import pytest

from hitless.history import History
from hitless.verdict import Outcome, Verdict
from tests.core.contract import Contract, upgraded
from tests.core.judging import judged
from tests.core.management import StepScene
from tests.core.mutilations import mutilations

SCENES = {
    "upgrade": (lambda: StepScene().history(), ("CAP-02", *(f"UPG-0{number}" for number in range(1, 6)))),
    "documents": (lambda: upgraded().history(), ("LCM-02", "LCM-04")),
    "contract": (lambda: Contract().perform().history(), ("LCM-01", "LCM-02", "LCM-03", "LCM-05")),
}

# Groups of mutilations that leave alone what some requirements are judged on.
REQUESTS = frozenset(
    {"no-attempts", "every-other-attempt", "unanswered", "every-third-unanswered", "attempts-without-state"}
)
COUNTERS = frozenset({"0-samples", "1-samples", "2-samples", "first-half-of-samples", "second-half-of-samples"})
PROBES = frozenset(
    {
        "no-probes",
        "first-half-of-probes",
        "every-other-probe",
        "probes-not-identified",
        "probes-not-stored",
        "no-groups",
    }
)
VERSIONS = frozenset({"no-target-mark", "no-source-mark", "one-version"})
INSTANCES = frozenset({"no-instance-mark", "one-instance-mark"})
TRAFFIC = COUNTERS | PROBES | VERSIONS | INSTANCES
LISTS = frozenset({"no-operations-documents", "empty-operations-documents"})
PACKAGES = frozenset({"no-package-documents", "empty-package-documents", "no-source", "no-target"})
OPERATION = frozenset({"no-operation-documents", "empty-operation-documents", "no-followed-operation"})
INSTANCE = frozenset({"no-vnf_instance-documents", "empty-vnf_instance-documents"})
AROUND = frozenset({"no-before", "no-after"})
PHASES = frozenset(
    {
        "no-event-baseline",
        "no-event-cohort-stopped",
        "no-event-tail",
        "no-event-traffic-started",
        "no-event-traffic-stopped",
    }
)
# A reading of one kind is as good as another one.
SPARE = frozenset(
    {
        "no-followed-vnf_instance",
        "no-followed-operations",
        "no-followed-package",
        "nothing-declared",
    }
)
NOTES = frozenset({"no-notifications", "nothing-read-after-notifications"})
COHORT = frozenset({"no-event-cohort-stopped"})  # without it the end of the long-lived sessions looks like a shortfall
UPGRADE = (REQUESTS | PHASES | SPARE | NOTES | {"no-after"}) - COHORT
CONTRACT = TRAFFIC | PHASES | SPARE
STOPPED = "stopped-by-sut"  # after all that was to be seen
UNREQUESTED = frozenset({"no-event-request", "no-events"})

MAY_PASS = {
    ("upgrade", "CAP-02"): UPGRADE | COHORT | TRAFFIC | {"no-event-operation-ended"},
    ("upgrade", "UPG-01"): UPGRADE | INSTANCES | {"no-end"},
    ("upgrade", "UPG-02"): UPGRADE | INSTANCES | OPERATION | {"no-end"},
    ("upgrade", "UPG-03"): UPGRADE | INSTANCES | {"no-end"},
    ("upgrade", "UPG-04"): UPGRADE | OPERATION | {"no-followed"},
    ("upgrade", "UPG-05"): UPGRADE | INSTANCES | {"no-followed", "no-followed-operation"},
    ("documents", "LCM-02"): CONTRACT
    | REQUESTS
    | LISTS
    | PACKAGES
    | OPERATION
    | INSTANCE
    | AROUND
    | {"no-documents", "empty-documents", "no-followed", "no-end", "no-event-operation-ended", STOPPED}
    | {"states-of-another-operation", "failed-temp"},
    ("documents", "LCM-04"): CONTRACT
    | REQUESTS
    | LISTS
    | {"no-source", "no-after", "no-end", "nothing-read-after-notifications", "no-event-operation-ended", STOPPED},
    ("contract", "LCM-01"): CONTRACT - COUNTERS
    | OPERATION
    | NOTES
    | UNREQUESTED
    | {"no-followed", "no-states", "no-polls", "no-completed", "states-of-another-operation", STOPPED}
    | {"attempts-without-state", "failed-temp", "rolled-back"},
    ("contract", "LCM-02"): CONTRACT
    | REQUESTS
    | LISTS
    | OPERATION
    | INSTANCE
    | AROUND
    | {"no-documents", "empty-documents", "no-followed", "states-of-another-operation", "failed-temp", STOPPED},
    ("contract", "LCM-03"): CONTRACT
    | NOTES
    | UNREQUESTED
    | {"no-states", "no-polls", "no-completed", "states-of-another-operation", "failed-temp", "rolled-back", STOPPED},
    ("contract", "LCM-05"): CONTRACT
    | NOTES
    | LISTS
    | INSTANCE
    | AROUND
    | UNREQUESTED
    | {"states-of-another-operation", STOPPED},
}
"""By scene and requirement, what may be missing without harm."""

MISDEEDS = frozenset({"no-completed", "stopped-by-sut", "failed-temp", "rolled-back", "empty-vnf_instance-documents"})
"""Mutilations that are the system's doing: an operation that fails or never ends, an instance that shows nothing."""

CASES = [
    (scene, name, requirement)
    for scene, (made, requirements) in SCENES.items()
    for name, _ in mutilations(made())
    for requirement in requirements
]


@cache
def scene_of(name: str) -> History:
    return SCENES[name][0]()


@cache
def verdict_of(scene: str, name: str, requirement: str) -> Verdict:
    whole = scene_of(scene)
    return judged(f"RQ-{requirement}", dict(mutilations(whole))[name](whole))


@pytest.mark.parametrize("scene", SCENES)
def test_the_whole_history_passes(scene):
    for requirement in SCENES[scene][1]:
        assert judged(f"RQ-{requirement}", scene_of(scene)).outcome is Outcome.PASS, requirement


@pytest.mark.parametrize(("scene", "name", "requirement"), CASES)
def test_what_is_missing_is_neither_proof_nor_violation(scene, name, requirement):
    verdict = verdict_of(scene, name, requirement)
    if name not in MAY_PASS[scene, requirement]:
        assert verdict.outcome is not Outcome.PASS
    if verdict.outcome is Outcome.FAIL:
        assert name in MISDEEDS, verdict.message
    if verdict.outcome is Outcome.INCONC:
        assert verdict.reasons


def test_nothing_is_excepted_that_does_not_pass():
    passing = {
        (scene, requirement, name)
        for scene, name, requirement in CASES
        if verdict_of(scene, name, requirement).outcome is Outcome.PASS
    }
    known = {(scene, name) for scene, name, _ in CASES}
    excepted = {
        (scene, requirement, name)
        for (scene, requirement), names in MAY_PASS.items()
        for name in names
        if (scene, name) in known
    }
    assert excepted <= passing
