"""The shapes of what is read from a descriptor: property types of SOL001, as far as they are used."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from lab.sol.tosca import Part

_MOST_UNITS: Final = 99
_BYTES_OF: Final = {"B": 1, "kB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
_SIZE: Final = re.compile(r"(\d+)\s*([A-Za-z]+)")


def _size_bytes(value: object) -> int:
    """Read a ``scalar-unit.size``."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None or match[2] not in _BYTES_OF:
        raise ValueError(f"Expected: number and unit, one of {', '.join(_BYTES_OF)} - Actual: {value!r}")
    return int(match[1]) * _BYTES_OF[match[2]]


Text = Annotated[str, Field(min_length=1, strict=True)]
Size = Annotated[int, BeforeValidator(_size_bytes)]
Units = Annotated[int, Field(ge=0, le=_MOST_UNITS, strict=True)]
SomeUnits = Annotated[int, Field(ge=1, le=_MOST_UNITS, strict=True)]


class VnfShape(Part):
    """Properties of a node derived from ``tosca.nodes.nfv.VNF``."""

    descriptor_id: UUID
    descriptor_version: Text
    provider: Text
    product_name: Text
    software_version: Text
    vnfm_info: list[Text]
    flavour_id: Text


class ProfileShape(Part):
    """``VduProfile``."""

    min_number_of_instances: Units
    max_number_of_instances: SomeUnits


class ChecksumShape(Part):
    """``ChecksumData``."""

    algorithm: Text
    hash: Text


class ImageShape(Part):
    """``SwImageData``."""

    name: Text
    version: Text
    checksum: ChecksumShape
    container_format: Text
    disk_format: Text
    min_disk: Size
    size: Size


class _Artifact(Part):
    file: Text


class ArtifactsShape(Part):
    """Artifacts of a VDU."""

    sw_image: _Artifact


class _FlavourName(Part):
    name: Text


class _FlavourCapability(Part):
    target_performance_parameters: _FlavourName


class _RequestedCapabilities(Part):
    compute_flavour: _FlavourCapability


class ComputeShape(Part):
    """Properties of the capability ``virtual_compute``; the flavour stands among the requested capabilities."""

    requested_additional_capabilities: _RequestedCapabilities

    @property
    def flavour(self) -> str:
        """The VIM's name of the flavour."""
        return self.requested_additional_capabilities.compute_flavour.target_performance_parameters.name


class _SomeInstances(Part):
    number_of_instances: SomeUnits


class VduLevelsShape(Part):
    """``VduInstantiationLevels``."""

    levels: dict[str, _SomeInstances]


class InitialShape(Part):
    """``VduInitialDelta``."""

    initial_delta: _SomeInstances


class DeltasShape(Part):
    """``VduScalingAspectDeltas`` whose steps are all alike."""

    aspect: Text
    deltas: Annotated[dict[str, _SomeInstances], Field(min_length=1, max_length=1)]


class _ScaleLevel(Part):
    scale_level: Units


class _Level(Part):
    scale_info: dict[str, _ScaleLevel] = Field(default_factory=dict)


class LevelsShape(Part):
    """``InstantiationLevels``."""

    levels: Annotated[dict[str, _Level], Field(min_length=1)]
    default_level: Text | None = None


class _Aspect(Part):
    max_scale_level: Units


class AspectsShape(Part):
    """``ScalingAspects``."""

    aspects: dict[str, _Aspect]


class _Selector(Part):
    source_descriptor_id: UUID
    destination_descriptor_id: UUID
    source_flavour_id: Text


class ChangeShape(Part):
    """``VnfPackageChange``."""

    selector: Annotated[list[_Selector], Field(min_length=1)]
    modification_qualifier: Literal["up", "down"]
    destination_flavour_id: Text
    additional_modification_description: str = ""
