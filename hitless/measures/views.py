"""Two documents of one VNF instance compared: what is different apart from what may differ.

What may differ after a rollback although everything is as before: identifiers and resource handles of units that had to
be made anew, names that the VNFM keeps in metadata, links, and the order of lists.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hitless.measures.sightings import Document, entries, section

IGNORED_KEYS = ("_links", "metadata", "associatedVnfcCpId")
"""Wherever they stand."""
IGNORED_RESOURCE_KEYS = (
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
)
"""Within the lists of resources below."""
RESOURCE_LISTS = (
    "vnfcResourceInfo",
    "vnfcInfo",
    "virtualStorageResourceInfo",
    "virtualLinkResourceInfo",
    "vnfVirtualLinkResourceInfo",
    "vnfLinkPorts",
)
IGNORED = (
    f"{', '.join(IGNORED_KEYS)} anywhere",
    f"{', '.join(IGNORED_RESOURCE_KEYS)} in {', '.join(RESOURCE_LISTS)}",
    "the order of lists",
)
"""In words, for the report."""
_UNITS = "vnfcResourceInfo"
_HAVE_VNFD = (_UNITS, "vnfcInfo", "scaleStatus", "maxScaleLevels")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two documents differ; a missing value is None.

    Attributes:
        path: keys from the top, joined by dots.
    """

    path: str
    before: Any
    after: Any


def differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Return all places where two VNF instances differ that should not."""
    found: list[Difference] = []
    _compare("", _comparable(before), _comparable(after), found)
    return tuple(found)


def units_by_kind(document: Document) -> dict[tuple[str, str], int]:
    """Return how many VNFCs an instance has, by VDU and VNFD."""
    own = str(document.get("vnfdId", ""))
    info = section(document, "instantiatedVnfInfo")
    return dict(Counter((str(unit.get("vduId", "")), _vnfd(unit, own)) for unit in entries(info.get(_UNITS))))


def left_over(document: Document) -> tuple[str, ...]:
    """Return the identifiers of the VNFCs that are on another VNFD than the instance."""
    own = str(document.get("vnfdId", ""))
    units = entries(section(document, "instantiatedVnfInfo").get(_UNITS))
    return tuple(str(unit.get("id", "")) for unit in units if _vnfd(unit, own) != own)


def _vnfd(entry: Mapping[str, Any], own: str) -> str:
    """Return the VNFD that an entry belongs to; SOL003 has it named only where it differs from the instance's."""
    return str(entry.get("vnfdId") or own)


def _comparable(document: Document) -> Any:
    return _plain(document, "", str(document.get("vnfdId", "")))


def _plain(value: Any, key: str, own: str) -> Any:
    """Return a value without what may differ; lists in an order of their own."""
    if isinstance(value, Mapping):
        ignored = {*IGNORED_KEYS, *(IGNORED_RESOURCE_KEYS if key in RESOURCE_LISTS else ())}
        plain = {name: _plain(one, name, own) for name, one in value.items() if name not in ignored}
        return {**plain, "vnfdId": _vnfd(value, own)} if key in _HAVE_VNFD else plain
    if isinstance(value, list):
        return sorted((_plain(one, key, own) for one in value), key=_text)
    return value


def _compare(path: str, before: Any, after: Any, found: list[Difference]) -> None:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            inner = f"{path}.{name}" if path else name
            _compare(inner, before.get(name, _NOTHING), after.get(name, _NOTHING), found)
    elif isinstance(before, list) and isinstance(after, list):
        _compare_lists(path, before, after, found)
    elif before != after:
        found.append(Difference(path, _shown(before), _shown(after)))


def _compare_lists(path: str, before: list[Any], after: list[Any], found: list[Difference]) -> None:
    """Report the entries that only one of the lists has, as often as it has more of them."""
    first, second = Counter(map(_text, before)), Counter(map(_text, after))
    found.extend(Difference(f"{path}[]", json.loads(entry), None) for entry in sorted((first - second).elements()))
    found.extend(Difference(f"{path}[]", None, json.loads(entry)) for entry in sorted((second - first).elements()))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: Any) -> Any:
    return None if value is _NOTHING else value
