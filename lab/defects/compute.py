"""VIM catalogues whose units are not what they should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from lab.defects.defect import Defect
from lab.vim.catalogue import Flavor, Image, StandardCatalogue, UnitOptions
from lab.vnf.ruleset import POLICER_HEADROOM

_OLD_IMAGE: Final = "lab-gateway-1.0"
_SMALL_BUFFER_MS: Final = 60


class MidstreamCatalogue(StandardCatalogue):
    """Units take up a session in its middle, as if they shared their state."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit with this one difference."""
        return replace(super().unit(image, flavor), session_pickup="midstream")


class SmallFlavourCatalogue(StandardCatalogue):
    """Units of every version but the old one carry 98.5 % of their flavour's rate, just below the limit of 99 %.

    Their buffer is small, too. The standard one of 250 ms makes up for 1.5 % too little during 16 s, which is longer
    than the new version has all of the load in a short observation.
    """

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit, unless it is a new one."""
        options = super().unit(image, flavor)
        if image.id == _OLD_IMAGE:
            return options
        return replace(options, rated_pps=rated_for(0.985 * flavor.rated_pps), burst_ms=_SMALL_BUFFER_MS)


class SufficientFlavourCatalogue(StandardCatalogue):
    """Units of every version but the old one have less headroom than standard ones, yet carry their flavour's rate."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit, unless it is a new one."""
        options = super().unit(image, flavor)
        if image.id == _OLD_IMAGE:
            return options
        return replace(options, rated_pps=rated_for(1.002 * flavor.rated_pps))


class OverprovisionedCatalogue(StandardCatalogue):
    """Units of every version carry 1.6 times their flavour's rate, so that a missing one is not seen in the traffic."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit with headroom."""
        return replace(super().unit(image, flavor), rated_pps=rated_for(1.6 * flavor.rated_pps))


def rated_for(carried_pps: float) -> int:
    """The rate a unit has to be started with to let `carried_pps` through, which is that rate and its headroom."""
    return math.ceil(carried_pps / POLICER_HEADROOM)


DEFECTS: Final = (
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
        "traditional-halves",
        "RQ-CAP-01",
        "the traditional upgrade: split into halves, upgrade one, switch over, upgrade the other, join",
        lambda parts: replace(parts, upgrade_procedure="lab.vnfm.traditional:HalvesUpgrade"),
    ),
)
