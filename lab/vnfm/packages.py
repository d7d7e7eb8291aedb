"""VNF packages: directories with a ``vnfd.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

_MOST_UNITS: Final = 99


class PackageError(Exception):
    """A package cannot be used."""


@dataclass(frozen=True, slots=True)
class Package:
    """What the VNFM needs to know of a VNF package.

    Attributes:
        image: the VIM's name of the software image.
        compute_flavour: the VIM's name of the flavour that a unit gets.
        flavour_id: deployment flavour of the VNFD.
        vdu_id: the one VDU of the VNFD.
        initial_units: units after instantiation.
    """

    vnfd_id: str
    provider: str
    product: str
    software_version: str
    vnfd_version: str
    image: str
    compute_flavour: str
    flavour_id: str
    vdu_id: str
    initial_units: int


class Catalogue(Mapping[str, Package]):
    """The packages that are on board, by ``vnfdId``."""

    def __init__(self, packages: Iterable[Package]) -> None:
        self._packages = {package.vnfd_id: package for package in packages}

    def __getitem__(self, vnfd_id: str) -> Package:
        return self._packages[vnfd_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)


def load_catalogue(directory: Path) -> Catalogue:
    """Read every package below a directory.

    Raises:
        PackageError: there is none, one cannot be read, or two have the same ``vnfdId``.
    """
    files = sorted(directory.glob("*/vnfd.yaml"))
    if not files:
        raise PackageError(f"{directory} - no packages - Expected: one directory each, with a vnfd.yaml")
    packages: dict[str, Package] = {}
    for file in files:
        package = load_package(file)
        if package.vnfd_id in packages:
            raise PackageError(f"{file} - vnfdId {package.vnfd_id} is also that of another package")
        packages[package.vnfd_id] = package
    return Catalogue(packages.values())


def load_package(file: Path) -> Package:
    """Read one ``vnfd.yaml``.

    Raises:
        PackageError: it cannot be read, or something that the VNFM needs is missing or wrong.
    """
    try:
        vnfd = _Vnfd.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise PackageError(f"{file} - cannot be read: {error}") from error
    (flavour,) = vnfd.flavours
    (vdu,) = flavour.vdus
    return Package(
        vnfd_id=str(vnfd.vnfd_id),
        provider=vnfd.vnf_provider,
        product=vnfd.vnf_product_name,
        software_version=vnfd.vnf_software_version,
        vnfd_version=vnfd.vnfd_version,
        image=vdu.image,
        compute_flavour=vdu.compute_flavour,
        flavour_id=flavour.id,
        vdu_id=vdu.id,
        initial_units=vdu.initial_units,
    )


class _Part(BaseModel):
    # What the software itself is made of stands in the same file and is not the VNFM's concern.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Vdu(_Part):
    id: str
    image: str
    compute_flavour: str
    initial_units: Annotated[int, Field(ge=1, le=_MOST_UNITS, strict=True)]


class _Flavour(_Part):
    id: str
    vdus: Annotated[list[_Vdu], Field(min_length=1, max_length=1)]


class _Vnfd(_Part):
    vnfd_id: UUID
    vnf_provider: str
    vnf_product_name: str
    vnf_software_version: str
    vnfd_version: str
    flavours: Annotated[list[_Flavour], Field(min_length=1, max_length=1)]
