"""The list of defects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lab.defects import admission, affinity, compute, contract, copies, drain, rollback, rules, selection, shares
from lab.defects.defect import Defect

_DEFECTS: Final = (
    *compute.DEFECTS,
    *affinity.DEFECTS,
    *admission.DEFECTS,
    *shares.DEFECTS,
    *drain.DEFECTS,
    *rollback.DEFECTS,
    *contract.DEFECTS,
    *selection.DEFECTS,
    *rules.DEFECTS,
    *copies.DEFECTS,
)

REGISTRY: Final[Mapping[str, Defect]] = MappingProxyType({defect.name: defect for defect in _DEFECTS})
"""All defects by their names."""
