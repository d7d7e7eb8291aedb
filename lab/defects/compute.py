"""VIM catalogues whose units are not what they should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from lab.vim.catalogue import Flavor, Image, StandardCatalogue, UnitOptions
from lab.vnf.ruleset import POLICER_HEADROOM

_OLD_IMAGE: Final = "lab-gateway-1.0"


class MidstreamCatalogue(StandardCatalogue):
    """Units take up a session in its middle, as if they shared their state."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit with this one difference."""
        return replace(super().unit(image, flavor), session_pickup="midstream")


class SmallFlavourCatalogue(StandardCatalogue):
    """Units of every version but the old one carry 98.5 % of their flavour's rate, just below the limit of 99 %."""

    carried_ratio: float = 0.985

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The standard unit; a new one lets through `carried_ratio` of the flavour's rate."""
        options = super().unit(image, flavor)
        if image.id == _OLD_IMAGE:
            return options
        return replace(options, rated_pps=rated_for(self.carried_ratio * flavor.rated_pps))


class SufficientFlavourCatalogue(SmallFlavourCatalogue):
    """New units have less headroom than standard ones, yet carry all of their flavour's rate."""

    carried_ratio = 1.002


def rated_for(carried_pps: float) -> int:
    """The rate a unit has to be started with to let `carried_pps` through, which is that rate and its headroom."""
    return math.ceil(carried_pps / POLICER_HEADROOM)
