"""Upgrades whose first step goes wrong: old capacity that goes too early, new capacity that comes too early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from lab.controller.buckets import BitReversedHash, Group
from lab.defects.defect import Defect
from lab.vnfm.procedure import Progress, UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.upgrade import FourStepUpgrade


@dataclass(frozen=True)
class SparingHash(BitReversedHash):
    """In a group of four units and more the last one is a spare that nobody is sent to."""

    smallest_group: ClassVar[int] = 4

    def assign(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """The unit of each bucket."""
        return super().assign([self._without_spare(group) for group in groups])

    def _without_spare(self, group: Group) -> Group:
        return group if len(group.units) < self.smallest_group else replace(group, units=group.units[:-1])


class RemoveFirst(FourStepUpgrade):
    """The spare of the old side is removed before the first new unit is made.

    It has neither users nor sessions, and the others carry everybody: nothing of it can be seen in the traffic.
    """

    def prepare(self) -> None:
        """One unit less before there is one more."""
        if not self.new and len(self.old) == self.sides.old_size > 1:
            *stay, spare = self.old
            self.fleet.step("remove the spare")
            self.fleet.divide((stay, 1.0))
            self.fleet.remove_when_idle([spare], timeout_s=self.parameters.drain_timeout_s)
            self.old = tuple(stay)
        super().prepare()


class TwoCanaries(FourStepUpgrade):
    """Two new units are made in the first step, where one carries its share."""

    def units_for(self, share: float) -> int:
        """Two at the least."""
        return max(2, super().units_for(share))


@dataclass(frozen=True)
class Announcement:
    """Progress that has something done before it reports that a unit is ready."""

    progress: Progress
    first: Callable[[UnitRecord], None]

    def ready(self, unit: UnitRecord) -> None:
        """A unit is ready, which others hear of only afterwards."""
        self.first(unit)
        self.progress.ready(unit)

    def __getattr__(self, name: str) -> Any:
        """All the other reports are passed on."""
        return getattr(self.progress, name)


class EarlyAdmission(FourStepUpgrade):
    """The decider gets the first new unit 1.5 s before the unit is reported as ready."""

    early_s: ClassVar[float] = 1.5

    def __init__(self, task: UpgradeTask) -> None:
        super().__init__(task)
        self._announcing = replace(self.fleet, progress=Announcement(self.fleet.progress, self.admit))
        self._quiet = self.fleet

    def prepare(self) -> None:
        """Units of this step are admitted before they are announced, those of later steps are not."""
        self.fleet = self._announcing
        super().prepare()
        self.fleet = self._quiet

    def admit(self, unit: UnitRecord) -> None:
        """Send the first users to a unit of which nobody knows yet that it is ready."""
        share = self.parameters.canary_share
        self._quiet.divide((self.old, 1.0 - share), ((unit,), share))
        self._quiet.pace.sleep(self.early_s, action=True)


class PromptAdmission(FourStepUpgrade):
    """Users are sent to new units a quarter of a second after these are reported as ready."""

    settle_s: ClassVar[float] = 0.25

    def settle(self) -> None:
        """Half of the usual pause."""
        self.fleet.hold(self.settle_s)


_OVERPROVISIONED: Final = "lab.defects.compute:OverprovisionedCatalogue"

DEFECTS: Final = (
    Defect(
        "upg-01-remove-first",
        "RQ-UPG-01",
        "a spare old unit is removed before the first new unit is made; the others have the headroom for it",
        lambda parts: replace(
            parts,
            upgrade_procedure="lab.defects.admission:RemoveFirst",
            bucket_hash="lab.defects.admission:SparingHash",
            compute_catalogue=_OVERPROVISIONED,
        ),
    ),
    Defect(
        "upg-01-two-canaries",
        "RQ-UPG-01",
        "two new units are made in the first step, twice the limited capacity that the first share needs",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.admission:TwoCanaries"),
    ),
    Defect(
        "upg-01-early-admission",
        "RQ-UPG-01",
        "the decider sends users to the first new unit 1.5 s before the unit is reported as ready",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.admission:EarlyAdmission"),
    ),
    Defect(
        "upg-01-prompt-admission-within",
        None,
        "users are sent to new units 0.25 s after these are reported as ready, instead of 0.5 s",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.admission:PromptAdmission"),
    ),
)
