"""What the VNFM knows of packages: what the NFVO has on board, and what the descriptors say."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.sol.archive import open_archive
from lab.vnfm.nfvo import Nfvo, NfvoError
from lab.vnfm.packages import (
    Catalogue,
    NfvoCatalogue,
    Package,
    PackageDisabledError,
    PackageError,
    change_between,
    package_of,
)
from tests.nfvo.office import Office
from tests.nfvo.sources import VNFD_0_9, VNFD_1_0, VNFD_2_0, package

OLD, NEW = (package_of(open_archive(package(version)).descriptor) for version in ("1.0", "2.0"))


class FakeNfvo:
    """Packages on board as a test says; counts what it is asked."""

    def __init__(self) -> None:
        self.on_board: dict[str, dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.descriptors_read = 0

    def add(self, vnfd_id: str, text: str, *, state: str = "ENABLED", content: str = "first") -> None:
        self.on_board[vnfd_id] = {"vnfdId": vnfd_id, "operationalState": state, "checksum": {"hash": content}}
        self.texts[vnfd_id] = text

    def information(self, vnfd_id: str) -> Mapping[str, Any] | None:
        return self.on_board.get(vnfd_id)

    def all_information(self) -> list[Mapping[str, Any]]:
        return list(self.on_board.values())

    def descriptor(self, vnfd_id: str) -> str:
        self.descriptors_read += 1
        return self.texts[vnfd_id]


class DeafNfvo:
    """An NFVO that never answers."""

    def information(self, _vnfd_id: str) -> Mapping[str, Any] | None:
        raise NfvoError("NFVO - no answer")

    def all_information(self) -> list[Mapping[str, Any]]:
        raise NfvoError("NFVO - no answer")

    def descriptor(self, _vnfd_id: str) -> str:
        raise NfvoError("NFVO - no answer")


def text_of(version: str) -> str:
    archive = open_archive(package(version))
    return archive.files[archive.descriptor_path].decode()


@pytest.fixture
def nfvo() -> FakeNfvo:
    fake = FakeNfvo()
    fake.add(VNFD_1_0, text_of("1.0"))
    fake.add(VNFD_2_0, text_of("2.0"))
    return fake


def test_a_package_as_the_descriptor_says() -> None:
    assert replace(OLD, vdus=(), aspect=None, package_changes=()) == Package(
        vnfd_id=VNFD_1_0,
        provider="Hitless",
        product="lab-gateway",
        software_version="1.0",
        vnfd_version="1.0",
        image="lab-gateway-1.0",
        compute_flavour="gateway.standard",
        flavour_id="default",
        vdu_id="gateway",
        initial_units=4,
    )
    assert [vdu.id for vdu in OLD.vdus] == ["gateway"]
    assert OLD.aspect is not None
    assert (OLD.aspect.id, OLD.aspect.max_units) == ("gateway", 8)


@pytest.mark.parametrize(
    ("source", "destination", "qualifier"), [(OLD, NEW, "up"), (NEW, OLD, "down"), (OLD, OLD, None), (NEW, NEW, None)]
)
def test_a_change_stands_in_either_descriptor(source: Package, destination: Package, qualifier: str | None) -> None:
    change = change_between(source, destination)
    assert (None if change is None else change.qualifier) == qualifier


def test_packages_from_the_nfvo(nfvo: FakeNfvo) -> None:
    catalogue = NfvoCatalogue(nfvo)
    assert catalogue[VNFD_1_0] == OLD
    assert dict(catalogue) == {VNFD_1_0: OLD, VNFD_2_0: NEW}
    assert len(catalogue) == 2
    assert VNFD_2_0 in catalogue


def test_a_descriptor_is_read_once_per_content(nfvo: FakeNfvo) -> None:
    catalogue = NfvoCatalogue(nfvo)
    assert catalogue[VNFD_1_0] is catalogue[VNFD_1_0]
    assert nfvo.descriptors_read == 1
    nfvo.add(
        VNFD_1_0,
        text_of("1.0")
        .replace("number_of_instances: 4", "number_of_instances: 5")
        .replace("scale_level: 3", "scale_level: 4"),
        content="second",
    )
    assert catalogue[VNFD_1_0].initial_units == 5
    assert nfvo.descriptors_read == 2


def test_an_unknown_package(nfvo: FakeNfvo) -> None:
    catalogue = NfvoCatalogue(nfvo)
    for ask in (catalogue.__getitem__, catalogue.on_board):
        with pytest.raises(KeyError) as raised:
            ask("no-such")
        assert not isinstance(raised.value, PackageDisabledError)
    assert "no-such" not in catalogue


def test_a_disabled_package_is_for_those_only_who_have_it(nfvo: FakeNfvo) -> None:
    nfvo.add(VNFD_1_0, text_of("1.0"), state="DISABLED")
    catalogue = NfvoCatalogue(nfvo)
    with pytest.raises(PackageDisabledError, match=f"{VNFD_1_0} - Expected: ENABLED Actual: DISABLED") as raised:
        catalogue[VNFD_1_0]
    assert str(raised.value).startswith("package"), "no quotes around it, as a KeyError would have"
    assert VNFD_1_0 not in catalogue
    assert list(catalogue) == [VNFD_2_0]
    assert catalogue.on_board(VNFD_1_0) == OLD


def test_a_package_enabled_or_disabled_meanwhile_counts_at_once(nfvo: FakeNfvo) -> None:
    catalogue = NfvoCatalogue(nfvo)
    assert catalogue[VNFD_1_0] == OLD
    nfvo.on_board[VNFD_1_0]["operationalState"] = "DISABLED"
    with pytest.raises(PackageDisabledError):
        catalogue[VNFD_1_0]
    nfvo.on_board[VNFD_1_0]["operationalState"] = "ENABLED"
    assert catalogue[VNFD_1_0] == OLD


def test_an_nfvo_that_cannot_be_used_is_no_missing_package() -> None:
    catalogue = NfvoCatalogue(DeafNfvo())
    for ask in (catalogue.__getitem__, catalogue.on_board):
        with pytest.raises(PackageError, match="NFVO - no answer"):
            ask(VNFD_1_0)
    with pytest.raises(PackageError, match="NFVO - no answer"):
        list(catalogue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be used: not YAML"),
        (text_of("2.0"), f"Expected: descriptor_id {VNFD_1_0} Actual: {VNFD_2_0}"),
    ],
)
def test_a_descriptor_that_cannot_be_used(nfvo: FakeNfvo, text: str, message: str) -> None:
    nfvo.add(VNFD_1_0, text)
    with pytest.raises(PackageError, match=message):
        NfvoCatalogue(nfvo)[VNFD_1_0]


def test_a_catalogue_of_given_packages() -> None:
    catalogue = Catalogue([OLD, NEW])
    assert (catalogue[VNFD_1_0], catalogue.on_board(VNFD_2_0), len(catalogue)) == (OLD, NEW, 2)
    with pytest.raises(KeyError):
        catalogue.on_board(VNFD_0_9)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path / "packages", ["0.9", "1.0"])
    yield running
    running.close()


def test_by_http(office: Office) -> None:
    catalogue = NfvoCatalogue(Nfvo(office.base))
    assert catalogue[VNFD_1_0] == OLD
    office.operations.set_state(office.ids["0.9"], "DISABLED")
    with pytest.raises(PackageDisabledError):
        catalogue[VNFD_0_9]
    with pytest.raises(KeyError):
        catalogue["no/such?id"]
    assert list(catalogue) == [VNFD_1_0]
    assert catalogue.on_board(VNFD_0_9).software_version == "0.9"


def test_by_http_in_vain(office: Office) -> None:
    with pytest.raises(NfvoError, match="Expected: 200 Actual: 404"):
        Nfvo(office.base).descriptor(VNFD_2_0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NfvoError, match=f"NFVO - GET {url}/vnfpkgm/v2/onboarded_vnf_packages/x - no answer"):
        Nfvo(url).information("x")
