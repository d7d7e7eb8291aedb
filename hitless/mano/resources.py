"""What SOL003 resources say, read tolerantly: only what cannot be done without is demanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hitless.mano.answer import Answer
from hitless.mano.errors import ProblemDetails

FINAL_STATES = frozenset({"COMPLETED", "FAILED", "ROLLED_BACK"})
"""States in which an operation stays for ever (SOL003, VNF LCM operation states)."""
SETTLED_STATES = FINAL_STATES | {"FAILED_TEMP"}
"""States that an operation leaves only when somebody asks it to."""


@dataclass(frozen=True, slots=True)
class Vnfc:
    """A component instance of a VNF.

    Attributes:
        id: its identifier in the instance.
        vdu_id: what it was made from.
        vnfd_id: its descriptor when that differs from the instance's, else that of the instance.
    """

    id: str
    vdu_id: str
    vnfd_id: str


@dataclass(frozen=True, slots=True)
class VnfInstance:
    """A VNF instance.

    Attributes:
        id: its identifier.
        vnfd_id: its descriptor; empty when the VNFM does not say.
        software_version: as the VNFM says; empty when it does not.
        instantiated: its state is INSTANTIATED.
        vnfcs: its components.
        etag: for conditional requests; None when the VNFM gives none.
        document: the whole resource.
        shown: the same without secrets, for records.
        asked_ns, answered_ns: it was read between these instants of the tester's clock; 0 when that is not known.
    """

    id: str
    vnfd_id: str
    software_version: str
    instantiated: bool
    vnfcs: tuple[Vnfc, ...]
    etag: str | None
    document: Mapping[str, Any] = field(repr=False)
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    asked_ns: int = 0
    answered_ns: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """A VNF LCM operation occurrence.

    Attributes:
        id: its identifier.
        operation: what it does (``CHANGE_VNFPKG``); empty when the VNFM does not say.
        state: its state, in SOL003's spelling.
        instance_id: the VNF instance; empty when the VNFM does not say.
        error: why it failed; None when it did not.
        document: the whole resource.
        shown: the same without secrets, for records; empty for an entry of a list.
        asked_ns, answered_ns: it was read between these instants of the tester's clock; 0 when that is not known.
    """

    id: str
    operation: str
    state: str
    instance_id: str
    error: ProblemDetails | None
    document: Mapping[str, Any] = field(repr=False)
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    asked_ns: int = 0
    answered_ns: int = 0

    @property
    def state_entered(self) -> str:
        """The VNFM's own time of entering the state, for comparison with itself only; empty when it gives none."""
        return str(self.document.get("stateEnteredTime") or "")


@dataclass(frozen=True, slots=True)
class Package:
    """A VNF package as the NFVO knows it.

    Attributes:
        id: its identifier at the NFVO; empty when it is not given.
        vnfd_id: the descriptor that it holds.
        software_version: as the NFVO says; empty when it does not.
        operational_state: ENABLED or DISABLED; empty when the NFVO does not say.
        document: the whole VnfPkgInfo.
        shown: the same without secrets, for records.
        asked_ns, answered_ns: it was read between these instants of the tester's clock.
    """

    id: str
    vnfd_id: str
    software_version: str
    operational_state: str
    document: Mapping[str, Any] = field(repr=False)
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    asked_ns: int = 0
    answered_ns: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of resources as documents without secrets, read between two instants of the tester's clock."""

    items: tuple[Mapping[str, Any], ...]
    asked_ns: int
    answered_ns: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operation that the VNFM has taken on.

    Attributes:
        operation_id: identifier of its operation occurrence.
        location: URL of the operation occurrence as the VNFM gave it.
        asked_ns, answered_ns: the request was made and accepted between these instants of the tester's clock.
        deviations: what differs from SOL003 in the answer without hindering the tester.
    """

    operation_id: str
    location: str
    asked_ns: int
    answered_ns: int
    deviations: tuple[str, ...] = ()


def read_instance(document: Any, answer: Answer) -> VnfInstance:
    """Read a VNF instance.

    Raises:
        UnusableAnswerError: it has no id.
    """
    found = _identified(document, answer, "VNF instance")
    info = _mapping(found.get("instantiatedVnfInfo"))
    vnfd_id = str(found.get("vnfdId") or "")
    vnfcs = tuple(
        Vnfc(str(one.get("id") or ""), str(one.get("vduId") or ""), str(one.get("vnfdId") or vnfd_id))
        for one in listed(info.get("vnfcResourceInfo"))
    )
    return VnfInstance(
        id=str(found["id"]),
        vnfd_id=vnfd_id,
        software_version=str(found.get("vnfSoftwareVersion") or ""),
        instantiated=found.get("instantiationState") == "INSTANTIATED",
        vnfcs=vnfcs,
        etag=answer.headers.get("ETag"),
        document=found,
        shown=_shown(answer),
        asked_ns=answer.asked_ns,
        answered_ns=answer.answered_ns,
    )


def read_operation(document: Any, answer: Answer) -> Operation:
    """Read an operation occurrence.

    Raises:
        UnusableAnswerError: it has no id or no state.
    """
    found = _identified(document, answer, "operation occurrence")
    if not isinstance(found.get("operationState"), str):
        actual = str(found.get("operationState", "none"))
        raise answer.unusable("operation without a state", expected="operationState, a text", actual=actual)
    return Operation(
        id=str(found["id"]),
        operation=str(found.get("operation") or ""),
        state=found["operationState"],
        instance_id=str(found.get("vnfInstanceId") or ""),
        error=ProblemDetails.of(found["error"]) if found.get("error") else None,
        document=found,
        shown=_shown(answer),
        asked_ns=answer.asked_ns,
        answered_ns=answer.answered_ns,
    )


def read_package(document: Mapping[str, Any], shown: Mapping[str, Any], answer: Answer) -> Package:
    """Read a VnfPkgInfo; ``shown`` is the same document without secrets."""
    return Package(
        id=str(document.get("id") or ""),
        vnfd_id=str(document.get("vnfdId") or ""),
        software_version=str(document.get("vnfSoftwareVersion") or ""),
        operational_state=str(document.get("operationalState") or ""),
        document=document,
        shown=shown,
        asked_ns=answer.asked_ns,
        answered_ns=answer.answered_ns,
    )


def listed(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list; nothing for anything else."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _identified(document: Any, answer: Answer, what: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise answer.unusable(f"no {what}", expected="a JSON object", actual=answer.kind())
    if not isinstance(document.get("id"), str) or not document["id"]:
        raise answer.unusable(f"{what} without an id", expected="id, a text", actual=str(document.get("id", "none")))
    return document


def _shown(answer: Answer) -> Mapping[str, Any]:
    """Return the answer's document as it is recorded; nothing for a list."""
    return _mapping(answer.exchange.get("response_body"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
