"""Records as SOL003 documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from lab.vnfm.packages import Package
from lab.vnfm.records import AffectedUnit, InstanceRecord, OperationRecord, SubscriptionRecord, UnitRecord
from lab.vnfm.states import ERROR_STATES, OperationState
from lab.vnfm.tasks import tasks_offered

API_PATH: Final = "/vnflcm/v2"

OPERATION_DETAILS: Final = frozenset(
    {
        "operationParams",
        "error",
        "resourceChanges",
        "changedInfo",
        "changedExtConnectivity",
        "lcmCoordinations",
        "modificationsTriggeredByVnfPkgChange",
        "warnings",
    }
)
"""Attributes that a list of operation occurrences leaves out unless asked for."""


_INSTANTIATED_TASKS: Final = {
    "terminate": "terminate",
    "scale": "scale",
    "heal": "heal",
    "operate": "operate",
    "changeCurrentVnfPkg": "change_vnfpkg",
}
"""Links of an instantiated VNF instance and the resources that they lead to."""


class Links:
    """URIs of resources below one base such as ``http://127.0.0.1:8001``."""

    def __init__(self, base_url: str) -> None:
        self._root = base_url.rstrip("/") + API_PATH

    def instance(self, instance_id: str) -> str:
        """URI of a VNF instance."""
        return f"{self._root}/vnf_instances/{instance_id}"

    def operation(self, operation_id: str) -> str:
        """URI of an operation occurrence."""
        return f"{self._root}/vnf_lcm_op_occs/{operation_id}"

    def subscription(self, subscription_id: str) -> str:
        """URI of a subscription."""
        return f"{self._root}/subscriptions/{subscription_id}"


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def instance_document(record: InstanceRecord, links: Links) -> dict[str, Any]:
    """Make a ``VnfInstance``; depends on nothing but the record, so that its version can be the ETag."""
    own = links.instance(record.id)
    tasks = _INSTANTIATED_TASKS if record.instantiated else {"instantiate": "instantiate"}
    return _without_none(
        {
            "id": record.id,
            "vnfInstanceName": record.name,
            "vnfInstanceDescription": record.description,
            "vnfdId": record.vnfd_id,
            "vnfProvider": record.provider,
            "vnfProductName": record.product,
            "vnfSoftwareVersion": record.software_version,
            "vnfdVersion": record.vnfd_version,
            "metadata": record.metadata or None,
            "instantiationState": "INSTANTIATED" if record.instantiated else "NOT_INSTANTIATED",
            "instantiatedVnfInfo": _instantiated_info(record) if record.instantiated else None,
            "_links": {"self": {"href": own}} | {name: {"href": f"{own}/{path}"} for name, path in tasks.items()},
        }
    )


def _instantiated_info(record: InstanceRecord) -> dict[str, Any]:
    return _without_none(
        {
            "flavourId": record.flavour_id,
            "vnfState": record.vnf_state,
            "scaleStatus": _scale_status(record),
            "maxScaleLevels": _max_scale_levels(record),
            "vnfcResourceInfo": [_resource(unit, record.vnfd_id) for unit in record.units],
        }
    )


def _scale_status(record: InstanceRecord) -> list[dict[str, Any]] | None:
    """One entry per VNFD with units."""
    aspect = record.aspect
    if aspect is None:
        return None
    return [
        _without_none(
            {
                "aspectId": aspect.id,
                "vnfdId": _foreign(vnfd_id, record.vnfd_id),
                "scaleLevel": max(0, aspect.level(count)),
            }
        )
        for vnfd_id, count in Counter(unit.vnfd_id for unit in record.units).items()
    ]


def _max_scale_levels(record: InstanceRecord) -> list[dict[str, Any]] | None:
    return None if record.aspect is None else [{"aspectId": record.aspect.id, "scaleLevel": record.aspect.max_level}]


def _foreign(vnfd_id: str, own_vnfd_id: str) -> str | None:
    """The VNFD to name, where SOL003 wants it only if it differs from the instance's."""
    return None if vnfd_id == own_vnfd_id else vnfd_id


def _resource(unit: UnitRecord, own_vnfd_id: str) -> dict[str, Any]:
    return _without_none(
        {
            "id": unit.id,
            "vduId": unit.vdu_id,
            "vnfdId": _foreign(unit.vnfd_id, own_vnfd_id),
            "computeResource": _compute_resource(unit),
            "metadata": _unit_metadata(unit),
        }
    )


def _compute_resource(unit: UnitRecord) -> dict[str, Any]:
    return {"resourceId": unit.server_id, "vimLevelResourceType": "OS::Nova::Server"}


def _unit_metadata(unit: UnitRecord) -> dict[str, Any]:
    return _without_none(
        {"name": unit.name, "flavour": unit.flavour, "number": unit.number, "management_url": unit.management_url}
    )


def affected_vnfcs(affected: Iterable[AffectedUnit]) -> list[dict[str, Any]]:
    """Make a list of ``AffectedVnfc``."""
    return [
        {
            "id": entry.unit.id,
            "vduId": entry.unit.vdu_id,
            "vnfdId": entry.unit.vnfd_id,
            "changeType": entry.change,
            "computeResource": _compute_resource(entry.unit),
            "metadata": _unit_metadata(entry.unit),
        }
        for entry in affected
    ]


def package_modifications(before: InstanceRecord, package: Package) -> dict[str, Any]:
    """Make ``ModificationsTriggeredByVnfPkgChange``: the attributes that a change of package alters."""
    values = {
        "vnfdId": (before.vnfd_id, package.vnfd_id),
        "vnfProvider": (before.provider, package.provider),
        "vnfProductName": (before.product, package.product),
        "vnfSoftwareVersion": (before.software_version, package.software_version),
        "vnfdVersion": (before.vnfd_version, package.vnfd_version),
    }
    return {name: new for name, (old, new) in values.items() if new != old}


def operation_document(record: OperationRecord, links: Links) -> dict[str, Any]:
    """Make a ``VnfLcmOpOcc``."""
    own = links.operation(record.id)
    return _without_none(
        {
            "id": record.id,
            "operationState": record.state,
            "stateEnteredTime": record.state_entered,
            "startTime": record.started,
            "vnfInstanceId": record.instance_id,
            "operation": record.operation,
            "isAutomaticInvocation": False,
            "isCancelPending": record.cancel_mode is not None,
            "cancelMode": record.cancel_mode,
            "operationParams": record.params,
            "error": record.error,
            "resourceChanges": {"affectedVnfcs": affected_vnfcs(record.affected)} if record.affected else None,
            "modificationsTriggeredByVnfPkgChange": record.modifications,
            "_links": {"self": {"href": own}, "vnfInstance": {"href": links.instance(record.instance_id)}}
            | {task: {"href": f"{own}/{task}"} for task in sorted(tasks_offered(record))},
        }
    )


def subscription_document(record: SubscriptionRecord, links: Links) -> dict[str, Any]:
    """Make an ``LccnSubscription``."""
    return _without_none(
        {
            "id": record.id,
            "filter": record.filter,
            "callbackUri": record.callback_uri,
            "verbosity": record.verbosity,
            "_links": {"self": {"href": links.subscription(record.id)}},
        }
    )


def operation_notification(
    record: OperationRecord, links: Links, *, notification_id: str, time_stamp: str
) -> dict[str, Any]:
    """Make a ``VnfLcmOperationOccurrenceNotification`` in full, for nobody in particular yet."""
    start = record.state is OperationState.STARTING
    document = {
        "id": notification_id,
        "notificationType": "VnfLcmOperationOccurrenceNotification",
        "timeStamp": time_stamp,
        "notificationStatus": "START" if start else "RESULT",
        "operationState": record.state,
        "vnfInstanceId": record.instance_id,
        "operation": record.operation,
        "isAutomaticInvocation": False,
        "vnfLcmOpOccId": record.id,
        "affectedVnfcs": affected_vnfcs(record.affected) or None,
        "modificationsTriggeredByVnfPkgChange": record.modifications,
        "error": record.error if record.state in ERROR_STATES else None,
        "_links": {
            "vnfInstance": {"href": links.instance(record.instance_id)},
            "vnfLcmOpOcc": {"href": links.operation(record.id)},
        },
    }
    return _without_none(document)


def identifier_notification(
    kind: str, instance_id: str, links: Links, *, notification_id: str, time_stamp: str
) -> dict[str, Any]:
    """Make a ``VnfIdentifierCreationNotification`` or ``VnfIdentifierDeletionNotification``."""
    return {
        "id": notification_id,
        "notificationType": kind,
        "timeStamp": time_stamp,
        "vnfInstanceId": instance_id,
        "_links": {"vnfInstance": {"href": links.instance(instance_id)}},
    }


def addressed(notification: dict[str, Any], subscription: SubscriptionRecord, links: Links) -> dict[str, Any]:
    """Complete a notification for one subscription: its identifier, its link, no more than it wants to know."""
    details = {"affectedVnfcs", "modificationsTriggeredByVnfPkgChange"} if subscription.verbosity == "SHORT" else set()
    kept = {name: value for name, value in notification.items() if name not in details}
    link = {"subscription": {"href": links.subscription(subscription.id)}}
    return kept | {"subscriptionId": subscription.id, "_links": notification["_links"] | link}
