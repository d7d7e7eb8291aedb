"""Upgrades in which the new version's share is not what it should be, or not when it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from lab.controller.buckets import BUCKETS
from lab.defects.defect import Defect
from lab.vnfm.upgrade import FourStepUpgrade


class BigBang(FourStepUpgrade):
    """The new version gets next to nothing until all of its units are there, and then everybody who is new.

    Next to nothing are two buckets of 256. With none at all the first users would come to four new units, which is more
    than limited new capacity: another requirement.
    """

    token_share: ClassVar[float] = 2 / BUCKETS

    def raise_share(self, share: float) -> None:
        """All or next to nothing."""
        super().raise_share(share if share == 1.0 else min(share, self.token_share))


class CanaryTimes(FourStepUpgrade):
    """The first share is larger than what was asked for."""

    factor: ClassVar[float]

    def canary(self) -> None:
        """Step 2 with another share; everything else is as it should be."""
        asked = self.parameters
        self.parameters = asked.model_copy(update={"canary_share": self.factor * asked.canary_share})
        super().canary()
        self.parameters = asked


class DoubleShare(CanaryTimes):
    """16 % instead of 10 %: far over the error of 2 %, and still what one unit carries."""

    factor = 1.6


class SlightlyLargerShare(CanaryTimes):
    """11 % instead of 10 %."""

    factor = 1.1


class ShareBeforeCapacity(FourStepUpgrade):
    """The share of the first growth comes before the unit that it needs; the one that is there has headroom."""

    def grow_to(self, share: float) -> None:
        """Users first, capacity afterwards, and only then the share is dealt to all units."""
        if share == self.parameters.shares[0]:
            self.fleet.step(f"grow to {share:g}, capacity later")
            self.raise_share(share)
            self.fleet.hold_watching(self.parameters.step_hold_s, self.new)
        super().grow_to(share)


class ShareFalls(FourStepUpgrade):
    """Before the last step the share falls for a while."""

    fallen_share: ClassVar[float] = 0.33

    def grow_to(self, share: float) -> None:
        """Back, hold, and on."""
        if share == 1.0:
            self.fleet.step(f"back to {self.fallen_share:g}")
            self.raise_share(self.fallen_share)
            self.fleet.hold_watching(self.parameters.step_hold_s, self.new)
        super().grow_to(share)


class FullCanary(FourStepUpgrade):
    """The first growth makes no unit but fills the one that is there, a quarter of all, with a quarter of the users."""

    full_share: ClassVar[float] = 0.25

    def grow(self, shares: Sequence[float]) -> None:
        """A smaller first share, which the canary's unit carries alone."""
        first = self.parameters.shares[0]
        super().grow([min(share, self.full_share) if share == first else share for share in shares])


_OVERPROVISIONED: Final = "lab.defects.compute:OverprovisionedCatalogue"

DEFECTS: Final = (
    Defect(
        "upg-02-big-bang",
        "RQ-UPG-02",
        "the new version gets less than 1 % of the users until all of its units are there, and then all at once",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.shares:BigBang"),
    ),
    Defect(
        "upg-02-double-share",
        "RQ-UPG-02",
        "the first share is 16 % instead of the 10 % that was asked for",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.shares:DoubleShare"),
    ),
    Defect(
        "upg-02-share-within",
        None,
        "the first share is 11 % instead of the 10 % that was asked for",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.shares:SlightlyLargerShare"),
    ),
    Defect(
        "upg-03-share-before-capacity",
        "RQ-UPG-03",
        "33 % of the users are sent to one new unit, the second one is made afterwards; units have headroom",
        lambda parts: replace(
            parts, upgrade_procedure="lab.defects.shares:ShareBeforeCapacity", compute_catalogue=_OVERPROVISIONED
        ),
    ),
    Defect(
        "upg-03-share-falls",
        "RQ-UPG-03",
        "the share of the new version falls from 66 % to 33 % for a step before it becomes 100 %",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.shares:ShareFalls"),
    ),
    Defect(
        "upg-03-share-within",
        None,
        "the first growth fills the one new unit with 25 % of the users, instead of 33 % for two units",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.shares:FullCanary"),
    ),
)
