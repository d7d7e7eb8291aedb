"""VNFMs that break the life-cycle contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab.defects.defect import Defect

_REQUESTS: Final = "lab.defects.contract_requests"
_STATES: Final = "lab.defects.contract_states"
_RESULTS: Final = "lab.defects.contract_results"
_TASKS: Final = "lab.defects.contract_tasks"

_REQUEST_DEFECTS: Final = (
    Defect(
        "lcm-01-disabled-package",
        "RQ-LCM-01",
        "a change to a package that is DISABLED is accepted; the operation ends at once as ROLLED_BACK",
        lambda parts: replace(parts, vnfm_engine=f"{_REQUESTS}:DisabledPackageEngine"),
    ),
    Defect(
        "lcm-01-leaves-trace",
        "RQ-LCM-01",
        "a request that is refused with 422 leaves an operation occurrence behind",
        lambda parts: replace(parts, vnfm_engine=f"{_REQUESTS}:TraceEngine"),
    ),
    Defect(
        "lcm-01-not-found-within",
        None,
        "an unknown or disabled destination is refused with 404 instead of 422",
        lambda parts: replace(parts, vnfm_engine=f"{_REQUESTS}:NotFoundEngine"),
    ),
    Defect(
        "lcm-03-queue",
        "RQ-LCM-03",
        "a second operation is accepted, and waits in STARTING until the first has ended",
        lambda parts: replace(parts, vnfm_journal=f"{_REQUESTS}:QueueingJournal"),
    ),
    Defect(
        "lcm-03-slow-refusal-within",
        None,
        "a second operation is refused, but only after a second",
        lambda parts: replace(parts, vnfm_journal=f"{_REQUESTS}:SlowRefusalJournal"),
    ),
)

_STATE_DEFECTS: Final = (
    Defect(
        "lcm-02-notifies-first",
        "RQ-LCM-02",
        "the notification of PROCESSING goes out 300 ms before the state is stored",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:NotifyingFirstJournal"),
    ),
    Defect(
        "lcm-02-skips-processing",
        "RQ-LCM-02",
        "an operation that succeeds goes from STARTING to COMPLETED; PROCESSING is neither stored nor told",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:SkippingJournal"),
    ),
    Defect(
        "lcm-02-slow-notification",
        "RQ-LCM-02",
        "notifications go out 6.5 s after the state was stored, in the right order",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:SlowJournal"),
    ),
    Defect(
        "lcm-02-silent",
        "RQ-LCM-02",
        "nobody is told that an operation is in PROCESSING",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:SilentJournal"),
    ),
    Defect(
        "lcm-02-told-twice",
        "RQ-LCM-02",
        "PROCESSING is told twice, in two notifications with their own identifiers",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:RepeatingJournal"),
    ),
    Defect(
        "lcm-02-slow-notification-within",
        None,
        "notifications go out 3 s after the state was stored, in the right order",
        lambda parts: replace(parts, vnfm_journal=f"{_STATES}:LeisurelyJournal"),
    ),
)

_RESULT_DEFECTS: Final = (
    Defect(
        "lcm-04-stale-version",
        "RQ-LCM-04",
        "vnfSoftwareVersion of the instance stays what it was after a change of package is COMPLETED",
        lambda parts: replace(parts, vnfm_journal=f"{_RESULTS}:StaleVersionJournal"),
    ),
    Defect(
        "lcm-04-more-attributes-within",
        None,
        "documents and notifications have further attributes that no standard knows",
        lambda parts: replace(parts, vnfm_documents=f"{_RESULTS}:TalkativeDocuments"),
    ),
    Defect(
        "rbk-04-stale-identity",
        "RQ-RBK-04",
        "after a rollback vnfdId and vnfSoftwareVersion of the instance are those of the destination",
        lambda parts: replace(parts, vnfm_runner=f"{_RESULTS}:StaleIdentityRunner"),
    ),
    Defect(
        "rbk-04-order-within",
        None,
        "after a rollback the units are listed in another order",
        lambda parts: replace(parts, vnfm_runner=f"{_RESULTS}:ReorderingRunner"),
    ),
)

_TASK_DEFECTS: Final = (
    Defect(
        "lcm-05-rollback-when-completed",
        "RQ-LCM-05",
        "a rollback is accepted in COMPLETED, where it does nothing",
        lambda parts: replace(parts, vnfm_engine=f"{_TASKS}:ObligingEngine"),
    ),
    Defect(
        "lcm-05-offers-rollback",
        "RQ-LCM-05",
        "an operation that is COMPLETED has a link to its rollback, which is refused",
        lambda parts: replace(parts, vnfm_documents=f"{_TASKS}:OfferingDocuments"),
    ),
    Defect(
        "lcm-05-stuck-rollback",
        "RQ-LCM-05",
        "a rollback that is cancelled stays in ROLLING_BACK for ever",
        lambda parts: replace(parts, vnfm_runner=f"{_TASKS}:StuckRunner"),
    ),
    Defect(
        "lcm-05-slow-cancel-within",
        None,
        "answers to tasks carry a Location, and a cancellation takes effect 1.5 s later",
        lambda parts: replace(
            parts, vnfm_runner=f"{_TASKS}:SlowCancelRunner", vnfm_documents=f"{_TASKS}:LocatingDocuments"
        ),
    ),
)

DEFECTS: Final = (*_REQUEST_DEFECTS, *_STATE_DEFECTS, *_RESULT_DEFECTS, *_TASK_DEFECTS)
