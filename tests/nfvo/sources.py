"""Package directories to build from: the lab's own, and changed copies of one."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.sol.build import build_package, zipped
from lab.sol.manifest import digest_of, read_manifest, write_manifest

PACKAGES = Path(__file__).resolve().parents[2] / "lab" / "vnf" / "packages"
MANIFEST = "lab-gateway.mf"
DESCRIPTOR = "Definitions/vnfd.yaml"
IMAGE = "Files/Images/lab-gateway-2.0.tar"
CHANGE_LOG = "ChangeLog.txt"
META = "TOSCA-Metadata/TOSCA.meta"

VNFD_1_0 = "5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c1001"
VNFD_2_0 = "5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c2000"
VNFD_0_9 = "5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c0900"


def package(version: str) -> bytes:
    """One of the lab's packages."""
    return build_package(PACKAGES / version)


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a package."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(change: Callable[[dict[str, bytes]], None], version: str = "2.0") -> bytes:
    """A package with other files, and a manifest that is none the wiser."""
    files = unpacked(package(version))
    change(files)
    return zipped(files)


def resigned(change: Callable[[dict[str, bytes]], None], version: str = "2.0") -> bytes:
    """A package with other files, and a manifest that lists them with their checksums."""
    files = unpacked(package(version))
    change(files)
    known = read_manifest(files.pop(MANIFEST).decode())
    digests = [digest_of(path, content) for path, content in files.items()]
    files[MANIFEST] = write_manifest(known.metadata, digests).encode()
    return zipped(files)


def replaced(path: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    """A change of the text of one file."""

    def change(files: dict[str, bytes]) -> None:
        assert old in files[path].decode()
        files[path] = files[path].decode().replace(old, new).encode()

    return change


def copy_of(version: str, target: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """A copy of a package directory with changed texts: by file, what is replaced by what."""
    shutil.copytree(PACKAGES / version, target)
    for name, (old, new) in changes.items():
        text = (target / name).read_text()
        assert old in text
        (target / name).write_text(text.replace(old, new))
    return target
