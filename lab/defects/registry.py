"""The list of defects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from lab.parts import Parts


@dataclass(frozen=True)
class Defect:
    """One way in which the lab can be wrong.

    Attributes:
        name: What the command line calls it; a form that stays within the limit ends in `-within`.
        breaks: Id of the requirement that it violates, None for a form that stays within the limit.
        description: What is different.
        apply: Puts its parts in the place of the given ones.
    """

    name: str
    breaks: str | None
    description: str
    apply: Callable[[Parts], Parts]


# Packets of a session that was moved are to be seen, with the mark of the wrong unit, instead of being lost.
_MIDSTREAM: Final = "lab.defects.compute:MidstreamCatalogue"

_DEFECTS: Final = (
    Defect(
        "cap-01-small-flavour",
        "RQ-CAP-01",
        "new-version units get a smaller flavour: as many units as before, 98.5 % of the rated capacity",
        lambda parts: replace(parts, compute_catalogue="lab.defects.compute:SmallFlavourCatalogue"),
    ),
    Defect(
        "cap-01-small-flavour-within",
        None,
        "new-version units get another flavour that still carries 100.2 % of the rated capacity",
        lambda parts: replace(parts, compute_catalogue="lab.defects.compute:SufficientFlavourCatalogue"),
    ),
    Defect(
        "trf-01-rehash-all",
        "RQ-TRF-01",
        "the decider forgets all users when buckets change",
        lambda parts: replace(parts, decider_rules="lab.defects.affinity:RehashAllRules", compute_catalogue=_MIDSTREAM),
    ),
    Defect(
        "trf-01-rehash-one-bucket",
        "RQ-TRF-01",
        "the decider forgets the users of a single one of the 256 buckets when that bucket changes unit",
        lambda parts: replace(
            parts, decider_rules="lab.defects.affinity:RehashOneBucketRules", compute_catalogue=_MIDSTREAM
        ),
    ),
    Defect(
        "trf-01-rehash-idle-within",
        None,
        "when buckets change, the decider forgets users without an open session: those silent for more than 3 s",
        lambda parts: replace(
            parts, decider_rules="lab.defects.affinity:RehashIdleRules", compute_catalogue=_MIDSTREAM
        ),
    ),
    Defect(
        "traditional-halves",
        "RQ-CAP-01",
        "the traditional upgrade: split into halves, upgrade one, switch over, upgrade the other, join",
        lambda parts: replace(parts, upgrade_procedure="lab.vnfm.traditional:HalvesUpgrade"),
    ),
)

REGISTRY: Final[Mapping[str, Defect]] = MappingProxyType({defect.name: defect for defect in _DEFECTS})
"""All defects by their names."""
