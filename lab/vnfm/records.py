"""What the VNFM remembers: instances, operations, subscriptions.

These are the store's documents, not SOL003's: ``views`` makes SOL003 documents of them. New fields get
defaults, so that a store written earlier can still be read.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lab.sol.descriptor import ScalingAspect
from lab.vnfm.states import OperationState


class Record(BaseModel):
    """A document of the store; frozen, changed by ``model_copy(update=...)``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]

    id: str


class UnitRecord(BaseModel):
    """One VNFC instance (a *unit*).

    Attributes:
        id: identifier of the VNFC instance (``vnfcResourceInfo.id``).
        name: name of the server, known to VIM, decider and controller; never used twice by one VNF instance.
        vdu_id: VDU of the VNFD that it was made from.
        vnfd_id: VNFD that it was made from.
        server_id: the VIM's identifier.
        flavour: the VIM's flavour, which decides the rated capacity.
        number: place in the network (``a<number>``, ``c<number>`` at the decider); None until the VIM has told.
        management_url: where the unit's management API is; None until the VIM has told.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    vdu_id: str
    vnfd_id: str
    server_id: str
    flavour: str
    number: int | None = None
    management_url: str | None = None


class InstanceRecord(Record):
    """A VNF instance.

    Attributes:
        aspect: in which steps its package lets it be scaled, None if it does not.
        vnf_state: STARTED or STOPPED; means something only while it is instantiated.
        units: its units in the order of their creation, of whichever version.
        next_serial: serial number of the next unit's name; only grows.
    """

    kind: ClassVar[str] = "vnf_instance"

    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    vnfd_id: str
    provider: str
    product: str
    software_version: str
    vnfd_version: str
    instantiated: bool = False
    flavour_id: str | None = None
    aspect: ScalingAspect | None = None
    vnf_state: str = "STARTED"
    units: tuple[UnitRecord, ...] = ()
    next_serial: int = 1


class AffectedUnit(BaseModel):
    """A unit that an operation has added or removed.

    Attributes:
        change: ADDED, REMOVED, or TEMPORARY for a unit that one operation added and removed again.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    unit: UnitRecord
    change: str


class OperationRecord(Record):
    """An operation occurrence.

    Attributes:
        state_entered: wall-clock time (RFC 3339) at which the present state was entered.
        started: wall-clock time of the request.
        params: body of the request.
        before: the instance as it was when the operation was accepted; what a rollback is to restore.
        cancel_mode: GRACEFUL or FORCEFUL from the request to cancel until that takes effect, else None.
        step: what the procedure is doing, in its own words.
        error: problem details; None as long as nothing has failed.
        modifications: what changed in the instance by a change of package; None before that.
    """

    kind: ClassVar[str] = "vnf_lcm_op_occ"

    state: OperationState
    state_entered: str
    started: str
    instance_id: str
    operation: str
    params: dict[str, Any] = {}
    before: InstanceRecord
    cancel_mode: str | None = None
    step: str | None = None
    affected: tuple[AffectedUnit, ...] = ()
    error: dict[str, Any] | None = None
    modifications: dict[str, Any] | None = None


class SubscriptionRecord(Record):
    """Somebody who wants to be notified.

    Attributes:
        filter: the request's filter, checked; None lets everything through.
        verbosity: FULL or SHORT.
    """

    kind: ClassVar[str] = "subscription"

    callback_uri: str
    filter: dict[str, Any] | None = None
    verbosity: str = "FULL"
