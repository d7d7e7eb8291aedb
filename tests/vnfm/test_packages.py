"""Packages are read from directories; whatever is wrong is told with the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import lab.vnf
from lab.vnfm.packages import Package, PackageError, load_catalogue, load_package

GOOD: dict[str, Any] = {
    "vnfdId": "5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c1001",
    "vnfProvider": "Acme",
    "vnfProductName": "wall",
    "vnfSoftwareVersion": "7.1",
    "vnfdVersion": "3",
    "software": {"whatever": ["the software", "needs"]},
    "flavours": [
        {
            "id": "default",
            "vdus": [{"id": "gateway", "image": "wall-7.1", "computeFlavour": "small", "initialUnits": 2}],
        }
    ],
}


def write(directory: Path, name: str, document: object) -> Path:
    (directory / name).mkdir()
    file = directory / name / "vnfd.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return file


def test_good_package(tmp_path: Path) -> None:
    assert load_package(write(tmp_path, "7.1", GOOD)) == Package(
        vnfd_id="5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c1001",
        provider="Acme",
        product="wall",
        software_version="7.1",
        vnfd_version="3",
        image="wall-7.1",
        compute_flavour="small",
        flavour_id="default",
        vdu_id="gateway",
        initial_units=2,
    )


@pytest.mark.parametrize("key", sorted(set(GOOD) - {"software"}))
def test_missing_key(tmp_path: Path, key: str) -> None:
    file = write(tmp_path, "7.1", {name: value for name, value in GOOD.items() if name != key})
    with pytest.raises(PackageError, match=f"{file}.*(?s:.)*{key}"):
        load_package(file)


@pytest.mark.parametrize(
    "change",
    [
        {"vnfdId": "seven"},
        {"vnfSoftwareVersion": 7.1},
        {"flavours": []},
        {"flavours": GOOD["flavours"] * 2},
        {"flavours": [{"id": "default", "vdus": []}]},
        {"flavours": [{"id": "default", "vdus": [GOOD["flavours"][0]["vdus"][0] | {"initialUnits": 0}]}]},
        {"flavours": [{"id": "default", "vdus": [GOOD["flavours"][0]["vdus"][0] | {"initialUnits": "4"}]}]},
    ],
)
def test_wrong_value(tmp_path: Path, change: dict[str, Any]) -> None:
    file = write(tmp_path, "7.1", GOOD | change)
    with pytest.raises(PackageError, match=f"{file} - cannot be read"):
        load_package(file)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [", "\tx: 1"])
def test_no_descriptor(tmp_path: Path, text: str) -> None:
    with pytest.raises(PackageError, match="cannot be read"):
        load_package(write(tmp_path, "7.1", text))


def test_catalogue_is_by_vnfd_id(tmp_path: Path) -> None:
    other = GOOD | {"vnfdId": "5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c1002", "vnfSoftwareVersion": "7.2"}
    write(tmp_path, "7.1", GOOD)
    write(tmp_path, "7.2", other)
    (tmp_path / "notes").mkdir()
    catalogue = load_catalogue(tmp_path)
    assert {vnfd_id: package.software_version for vnfd_id, package in catalogue.items()} == {
        GOOD["vnfdId"]: "7.1",
        other["vnfdId"]: "7.2",
    }
    assert len(catalogue) == 2


def test_two_packages_with_one_id(tmp_path: Path) -> None:
    write(tmp_path, "7.1", GOOD)
    write(tmp_path, "7.2", GOOD)
    with pytest.raises(PackageError, match=r"7\.2.*also that of another package"):
        load_catalogue(tmp_path)


def test_no_packages(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no packages"):
        load_catalogue(tmp_path)


def test_the_labs_own_packages() -> None:
    catalogue = load_catalogue(Path(next(iter(lab.vnf.__path__))) / "packages")
    versions = {package.software_version: package for package in catalogue.values()}
    assert {"1.0", "2.0"} <= set(versions)
    assert versions["1.0"].initial_units == 4
    assert {package.flavour_id for package in versions.values()} == {"default"}
