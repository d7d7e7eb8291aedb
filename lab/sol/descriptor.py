"""What a VNFM and an NFVO need to know of a VNF with one deployment flavour. Reading it: ``lab.sol.vnfd``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Qualifier = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class SoftwareImage:
    """The software of one VDU (``SwImageData``).

    Attributes:
        algorithm: of the checksum, in the spelling of SOL003, such as ``SHA-256``.
        path: the file, as the descriptor names it: relative to the descriptor.
    """

    name: str
    version: str
    algorithm: str
    hash: str
    container_format: str
    disk_format: str
    min_disk_bytes: int
    size_bytes: int
    path: str


@dataclass(frozen=True, slots=True)
class Vdu:
    """A kind of unit.

    Attributes:
        compute_flavour: the VIM's name of the flavour that it gets.
        initial_units: units at the default instantiation level.
    """

    id: str
    image: SoftwareImage
    compute_flavour: str
    initial_units: int
    min_units: int
    max_units: int


@dataclass(frozen=True, slots=True)
class ScalingAspect:
    """In which steps the number of units changes.

    Attributes:
        smallest_units: units at scale level 0.
        step_units: units per level.
    """

    id: str
    vdu_id: str
    smallest_units: int
    step_units: int
    max_level: int

    @property
    def max_units(self) -> int:
        """Units at the highest level."""
        return self.units(self.max_level)

    def units(self, level: int) -> int:
        """Units at a level."""
        return self.smallest_units + level * self.step_units

    def level(self, units: int) -> int:
        """The highest level that needs no more than so many units."""
        return (units - self.smallest_units) // self.step_units


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A change of package that is provided for (``VnfPackageChange``); source and destination are descriptors."""

    source_vnfd_id: str
    destination_vnfd_id: str
    qualifier: Qualifier
    source_flavour_id: str
    destination_flavour_id: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A VNFD; attributes are called as in SOL003."""

    vnfd_id: str
    provider: str
    product: str
    software_version: str
    vnfd_version: str
    vnfm_info: tuple[str, ...]
    flavour_id: str
    vdus: tuple[Vdu, ...]
    aspects: tuple[ScalingAspect, ...]
    package_changes: tuple[PackageChange, ...]
    metadata: Mapping[str, str]
