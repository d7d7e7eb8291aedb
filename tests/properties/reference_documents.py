"""Documents in a form in which they are equal if and only if nothing differs that should not."""

from __future__ import annotations

import json
from typing import Any

IGNORED = {"_links", "metadata", "associatedVnfcCpId"}
IGNORED_OF_RESOURCES = {
    "id",
    "vnfcResourceInfoId",
    "vnfcCpInfo",
    "computeResource",
    "storageResource",
    "networkResource",
    "storageResourceIds",
    "resourceHandle",
    "reservationId",
    "zoneId",
    "cpInstanceId",
}
RESOURCES = {
    "vnfcResourceInfo",
    "vnfcInfo",
    "virtualStorageResourceInfo",
    "virtualLinkResourceInfo",
    "vnfVirtualLinkResourceInfo",
    "vnfLinkPorts",
}
WITH_VNFD = {"vnfcResourceInfo", "vnfcInfo", "scaleStatus", "maxScaleLevels"}


def instance_text(document: dict[str, Any]) -> str:
    """Return a VNF instance without what may differ after a rollback, lists in an order of their own."""
    own = str(document.get("vnfdId", ""))

    def plain(value: Any, within: str) -> Any:
        if isinstance(value, list):
            return sorted((plain(one, within) for one in value), key=text)
        if not isinstance(value, dict):
            return value
        kept = {}
        for name, inner in value.items():
            if name in IGNORED or (within in RESOURCES and name in IGNORED_OF_RESOURCES):
                continue
            kept[name] = plain(inner, name)
        if within in WITH_VNFD:  # named only where it differs from the instance's
            kept["vnfdId"] = str(value.get("vnfdId") or own)
        return kept

    return text(plain(document, ""))


def steady_text(document: Any) -> str:
    """Return a document without measurements and instants, lists in an order of their own."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return sorted(map(plain, value), key=text)
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items() if not name.endswith("Time")}
        return value

    return text(plain(document))


def text(value: Any) -> str:
    """Return JSON; ``true`` and 1 are different there, as they are to a client."""
    return json.dumps(value, sort_keys=True)
