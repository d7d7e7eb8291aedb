"""Packages: what is right is opened, and no way of being wrong goes unnoticed."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab.sol.archive import ArchiveError, open_archive
from lab.sol.build import build_package, package_directories, zipped
from lab.vnf.package import PackageError
from tests.nfvo.sources import (
    CHANGE_LOG,
    DESCRIPTOR,
    IMAGE,
    MANIFEST,
    META,
    PACKAGES,
    VNFD_2_0,
    changed,
    copy_of,
    package,
    replaced,
    resigned,
    unpacked,
)

Change = Callable[[dict[str, bytes]], None]


def without(path: str) -> Change:
    return lambda files: files.__delitem__(path) if path in files else pytest.fail(path)


def with_file(path: str, content: bytes) -> Change:
    return lambda files: files.__setitem__(path, content)


@pytest.mark.parametrize("directory", package_directories(PACKAGES), ids=lambda path: path.name)
def test_packages_are_built_alike_every_time_and_are_right(directory: Path, tmp_path: Path) -> None:
    content = build_package(directory)
    elsewhere = copy_of(directory.name, tmp_path / "copy", {})
    assert build_package(elsewhere) == content
    archive = open_archive(content)
    assert archive.descriptor.software_version == directory.name
    assert archive.manifest_path == MANIFEST
    assert set(archive.additional_artifacts) == {"ChangeLog.txt", "Files/Licenses/LICENSE.txt"}
    assert archive.descriptor_files == (DESCRIPTOR,)


def test_the_metadata_point_to_what_is_there() -> None:
    files = unpacked(package("2.0"))
    meta = dict(line.split(": ") for line in files[META].decode().splitlines())
    assert meta["CSAR-Version"] == "1.1"
    assert meta["Entry-Definitions"] == DESCRIPTOR
    assert meta["ETSI-Entry-Manifest"] == MANIFEST
    assert meta["ETSI-Entry-Change-Log"] == CHANGE_LOG
    assert any(path.startswith(meta["ETSI-Entry-Licenses"] + "/") for path in files)


def test_the_manifest_has_a_digest_of_every_other_file() -> None:
    archive = open_archive(package("2.0"))
    listed = {one.source: one.hash for one in archive.manifest.digests}
    assert listed == {
        path: hashlib.sha256(content).hexdigest() for path, content in archive.files.items() if path != MANIFEST
    }
    assert archive.manifest.metadata["vnfd_id"] == VNFD_2_0
    assert archive.manifest.metadata["vnf_release_date_time"].startswith("2026-")


def test_the_descriptor_is_plain_yaml_and_knows_the_image() -> None:
    files = unpacked(package("2.0"))
    document = yaml.safe_load(files[DESCRIPTOR])
    assert document["imports"] == ["etsi_nfv_sol001_common_types.yaml", "etsi_nfv_sol001_vnfd_types.yaml"]
    image = document["topology_template"]["node_templates"]["gateway"]["properties"]["sw_image_data"]
    assert image["checksum"]["hash"] == hashlib.sha256(files[IMAGE]).hexdigest()
    assert image["size"] == f"{len(files[IMAGE])} B"
    assert b"${" not in files[DESCRIPTOR]


def test_the_image_is_the_software() -> None:
    with tarfile.open(fileobj=io.BytesIO(unpacked(package("2.0"))[IMAGE])) as image:
        assert image.getnames() == ["software.yaml", "gateway.nft"]
        found = image.extractfile("gateway.nft")
        assert found is not None
        assert found.read() == (PACKAGES / "2.0" / "gateway.nft").read_bytes()


def test_every_node_has_a_type_of_sol001_and_every_reference_a_node() -> None:
    document = yaml.safe_load(unpacked(package("2.0"))[DESCRIPTOR])
    nodes = document["topology_template"]["node_templates"]
    kinds = {node["type"] for node in nodes.values()} - set(document["node_types"])
    assert kinds == {f"tosca.nodes.nfv.{kind}" for kind in ("Vdu.Compute", "VduCp", "VnfExtCp", "VnfVirtualLink")}
    for node in nodes.values():
        assert all(target in nodes for one in node.get("requirements", []) for target in one.values())
    for policy in document["topology_template"]["policies"]:
        assert all(target in nodes for one in policy.values() for target in one.get("targets", []))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable ZIP"),
        (b"no archive at all", "not a readable ZIP"),
        (package("2.0")[:-100], "not a readable ZIP"),
        (changed(without(META)), f"{META} - missing"),
        (changed(with_file(META, b"\xff\xfe")), f"{META} - not UTF-8"),
        (changed(replaced(META, "ETSI-Entry-Manifest", "Manifest")), "ETSI-Entry-Manifest - Expected: path of a file"),
        (changed(without(CHANGE_LOG)), "ETSI-Entry-Change-Log - Expected: path"),
        (changed(without(DESCRIPTOR)), "Entry-Definitions - Expected: path"),
        (changed(without("Files/Licenses/LICENSE.txt")), "LICENSE.txt - listed in the manifest, missing"),
        (changed(with_file("Files/more.txt", b"x")), "Files/more.txt - not listed in the manifest"),
        (changed(with_file(CHANGE_LOG, b"x")), "ChangeLog.txt - wrong checksum .SHA-256. - Expected: [0-9a-f]{64}"),
        (changed(replaced(DESCRIPTOR, "lab-gateway 2.0", "lab-gateway 3")), f"{DESCRIPTOR} - wrong checksum"),
        (changed(replaced(MANIFEST, "SHA-256", "MD5")), "Algorithm - Expected: SHA-256 or SHA-512"),
        (changed(with_file(MANIFEST, b"metadata:\n???\n")), "manifest line 2"),
        (resigned(with_file(IMAGE, b"another image")), "software image lab-gateway-2.0 - wrong checksum"),
        (resigned(replaced(DESCRIPTOR, "size: 10240 B", "size: 10241 B")), "Expected: 10241 bytes Actual: 10240"),
        (resigned(without(IMAGE)), "software image lab-gateway-2.0 missing"),
        (resigned(replaced(DESCRIPTOR, "provider: Hitless", "provider: Other")), "vnf_provider_id - Expected: 'Other'"),
        (resigned(replaced(DESCRIPTOR, "scale_level: 3", "scale_level: 2")), "descriptor - .*contradicts"),
        (resigned(replaced(DESCRIPTOR, "algorithm: sha-256", "algorithm: crc")), "Algorithm - Expected: SHA-256"),
        (resigned(with_file("../evil", b"x")), "Expected: plain paths"),
        (resigned(with_file("/etc/evil", b"x")), "Expected: plain paths"),
    ],
)
def test_packages_that_must_not_be_used(content: bytes, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        open_archive(content)


def test_an_archive_that_unpacks_to_too_much() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(65 * 2**20))
    with pytest.raises(ArchiveError, match="too big - Expected: at most 67108864 bytes unpacked Actual: 68157440"):
        open_archive(buffer.getvalue())


def test_a_damaged_file_is_noticed_before_its_checksum() -> None:
    content = bytearray(package("2.0"))
    content[content.index(b"tosca_simple_yaml_1_3")] ^= 1
    with pytest.raises(ArchiveError, match="not a readable ZIP: Bad CRC-32"):
        open_archive(bytes(content))


def test_packages_compressed_by_others_are_opened_too() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("Definitions")
        for path, content in unpacked(package("2.0")).items():
            archive.writestr(path, content)
    assert open_archive(buffer.getvalue()).descriptor.vnfd_id == VNFD_2_0


def test_zips_do_not_depend_on_the_time() -> None:
    with zipfile.ZipFile(io.BytesIO(zipped({"a": b"x"}))) as archive:
        (entry,) = archive.infolist()
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert (entry.external_attr >> 16, entry.compress_type) == (0o644, zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vnfd.yaml": ("${image_sha256}", "${colour}")}, r"vnfd\.yaml - unknown or malformed .*'colour'"),
        ({"vnfd.yaml": ("scale_level: 3", "scale_level: 2")}, r"vnfd\.yaml - .*contradicts"),
        ({"software.yaml": ("dscp: 18", "dscp: 99")}, r"software\.yaml - mark.dscp"),
    ],
)
def test_directories_that_make_no_package(tmp_path: Path, changes: dict[str, tuple[str, str]], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        build_package(copy_of("2.0", tmp_path / "2.0", changes))


@pytest.mark.parametrize("name", ["ChangeLog.txt", "LICENSE.txt", "vnfd.yaml", "gateway.nft"])
def test_directories_that_lack_a_file(tmp_path: Path, name: str) -> None:
    directory = copy_of("2.0", tmp_path / "2.0", {})
    (directory / name).unlink()
    with pytest.raises(PackageError, match=f"{name} - cannot be read: No such file"):
        build_package(directory)


def test_no_package_directories(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no packages"):
        package_directories(tmp_path)
