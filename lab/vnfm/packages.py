"""VNF packages as the VNFM knows them: what is on board at the NFVO, and what the descriptors say."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.sol.descriptor import Descriptor, PackageChange, ScalingAspect, Vdu
from lab.sol.tosca import DescriptorError
from lab.sol.vnfd import parse
from lab.vnfm.nfvo import NfvoError, PackageSource


class PackageError(Exception):
    """It cannot be told whether there is such a package, or its descriptor cannot be used."""


class PackageDisabledError(KeyError):
    """A package is on board, but DISABLED: nothing new may be made of it."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Package:
    """What the VNFM needs to know of a VNF package.

    Attributes:
        image: the VIM's name of the software image of the first VDU.
        compute_flavour: the VIM's name of the flavour that a unit of the first VDU gets.
        flavour_id: deployment flavour of the VNFD.
        vdu_id: the first VDU of the VNFD.
        initial_units: units of the first VDU after instantiation.
        vdus: all VDUs.
        aspect: how the number of units of the first VDU changes; None if it does not.
        package_changes: changes that the descriptor provides for, from and to this package.
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
    vdus: tuple[Vdu, ...] = ()
    aspect: ScalingAspect | None = None
    package_changes: tuple[PackageChange, ...] = ()


def package_of(descriptor: Descriptor) -> Package:
    """Take from a descriptor what the VNFM needs."""
    first = descriptor.vdus[0]
    return Package(
        vnfd_id=descriptor.vnfd_id,
        provider=descriptor.provider,
        product=descriptor.product,
        software_version=descriptor.software_version,
        vnfd_version=descriptor.vnfd_version,
        image=first.image.name,
        compute_flavour=first.compute_flavour,
        flavour_id=descriptor.flavour_id,
        vdu_id=first.id,
        initial_units=first.initial_units,
        vdus=descriptor.vdus,
        aspect=next((one for one in descriptor.aspects if one.vdu_id == first.id), None),
        package_changes=descriptor.package_changes,
    )


def change_between(source: Package, destination: Package) -> PackageChange | None:
    """Return the change from one package to another that either descriptor provides for, None if neither does."""
    wanted = (source.vnfd_id, destination.vnfd_id)
    for one in (*destination.package_changes, *source.package_changes):
        if (one.source_vnfd_id, one.destination_vnfd_id) == wanted:
            return one
    return None


class Catalogue(Mapping[str, Package]):
    """Packages by ``vnfdId``: those given."""

    def __init__(self, packages: Iterable[Package]) -> None:
        self._packages = {package.vnfd_id: package for package in packages}

    def __getitem__(self, vnfd_id: str) -> Package:
        return self._packages[vnfd_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)

    def on_board(self, vnfd_id: str) -> Package:
        """Return a package whether it is ENABLED or not, for instances that are on it already.

        Raises:
            KeyError: there is no such package.
            PackageError: the NFVO cannot be used, or the descriptor cannot.
        """
        return self[vnfd_id]


class NfvoCatalogue(Catalogue):
    """The packages that are on board at the NFVO; it is asked each time, so that what it changes counts at once."""

    def __init__(self, source: PackageSource) -> None:
        """Prepare; nothing is asked yet."""
        super().__init__(())
        self._source = source
        self._known: dict[tuple[str, str], Package] = {}
        self._lock = threading.Lock()

    def __getitem__(self, vnfd_id: str) -> Package:
        """Return a package of which something may be made.

        Raises:
            PackageDisabledError: it is DISABLED.
            KeyError: there is no such package on board.
            PackageError: the NFVO cannot be used, or the descriptor cannot.
        """
        information = self._information(vnfd_id)
        if information.get("operationalState") != "ENABLED":
            state = information.get("operationalState")
            raise PackageDisabledError(f"package with vnfdId {vnfd_id} - Expected: ENABLED Actual: {state}")
        return self._package(vnfd_id, information)

    def __iter__(self) -> Iterator[str]:
        try:
            found = self._source.all_information()
        except NfvoError as error:
            raise PackageError(str(error)) from error
        return iter([str(one["vnfdId"]) for one in found if one.get("operationalState") == "ENABLED"])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def on_board(self, vnfd_id: str) -> Package:
        """Return a package whether it is ENABLED or not, for instances that are on it already.

        Raises:
            KeyError: there is no such package on board.
            PackageError: the NFVO cannot be used, or the descriptor cannot.
        """
        return self._package(vnfd_id, self._information(vnfd_id))

    def _information(self, vnfd_id: str) -> Mapping[str, object]:
        try:
            found = self._source.information(vnfd_id)
        except NfvoError as error:
            raise PackageError(str(error)) from error
        if found is None:
            raise KeyError(vnfd_id)
        return found

    def _package(self, vnfd_id: str, information: Mapping[str, object]) -> Package:
        """Return the package of a descriptor, read once for each content that the package has had."""
        key = (vnfd_id, str(information.get("checksum")))
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        try:
            package = package_of(parse(self._source.descriptor(vnfd_id)))
        except NfvoError as error:
            raise PackageError(str(error)) from error
        except DescriptorError as error:
            raise PackageError(f"VNFD {vnfd_id} - cannot be used: {error}") from error
        if package.vnfd_id != vnfd_id:
            raise PackageError(f"VNFD {vnfd_id} - Expected: descriptor_id {vnfd_id} Actual: {package.vnfd_id}")
        with self._lock:
            self._known[key] = package
        return package
