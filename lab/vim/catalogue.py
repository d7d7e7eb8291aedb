"""What the VIM has to offer: flavours, images, and what comes of a server made from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from lab.vnf.package import DESCRIPTOR, load_software
from lab.vnf.ruleset import POLICER_BURST_MS, SessionPickup

RATED_PPS_SPEC: Final = "hitless:rated_pps"
"""The extra spec of a flavour that says how many packets per second a unit carries, both directions together."""

_PACKAGES: Final = Path(__file__).resolve().parent.parent / "vnf" / "packages"
_IMAGE_PREFIX: Final = "lab-gateway-"


@dataclass(frozen=True)
class Flavor:
    """A size of server. The machine is shared; only `rated_pps` is real."""

    id: str
    rated_pps: int
    vcpus: int = 1
    ram_mib: int = 128
    disk_gib: int = 0


@dataclass(frozen=True)
class Image:
    """A software image: the package directory that holds the software."""

    id: str
    package: Path


@dataclass(frozen=True)
class UnitOptions:
    """What a unit process is started with."""

    package: Path
    rated_pps: int
    session_pickup: SessionPickup = "opening-packet"
    burst_ms: int = POLICER_BURST_MS


class Catalogue(Protocol):
    """The VIM's tables."""

    def flavors(self) -> tuple[Flavor, ...]:
        """All flavours."""

    def images(self) -> tuple[Image, ...]:
        """All images."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """What a server of this image and flavour really is."""


class StandardCatalogue:
    """Two flavours, an image for every package, and servers that are what their flavour says."""

    def flavors(self) -> tuple[Flavor, ...]:
        """The standard size and one of twice its capacity."""
        return (
            Flavor("gateway.standard", rated_pps=2500),
            Flavor("gateway.large", rated_pps=5000, vcpus=2, ram_mib=256),
        )

    def images(self) -> tuple[Image, ...]:
        """One per package directory, called after its software version."""
        packages = sorted(path.parent for path in _PACKAGES.glob(f"*/{DESCRIPTOR}"))
        return tuple(Image(_IMAGE_PREFIX + load_software(package).version, package) for package in packages)

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        """The image's software at the flavour's rate."""
        return UnitOptions(image.package, flavor.rated_pps)
