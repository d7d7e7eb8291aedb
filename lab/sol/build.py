"""Builds VNF packages from directories: the same directory gives the same bytes, whenever and wherever it is built."""

from __future__ import annotations

import hashlib
import io
import string
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.sol.archive import (
    ENTRY_CHANGE_LOG,
    ENTRY_DESCRIPTOR,
    ENTRY_LICENSES,
    ENTRY_MANIFEST,
    META_PATH,
    identity,
    resolved,
)
from lab.sol.descriptor import Descriptor
from lab.sol.manifest import digest_of, write_manifest
from lab.sol.tosca import DescriptorError
from lab.sol.vnfd import parse
from lab.vnf.package import PackageError, Software, load_software

SOURCE_DESCRIPTOR: Final = "vnfd.yaml"
"""The file in a package directory that becomes the descriptor."""

_DESCRIPTOR: Final = "Definitions/vnfd.yaml"
_CHANGE_LOG: Final = "ChangeLog.txt"
_LICENSES: Final = "Files/Licenses"
_LICENSE: Final = "LICENSE.txt"
# ZIP knows no time before 1980; any fixed time does.
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644


def package_directories(directory: Path) -> list[Path]:
    """Return the package directories below a directory, in the order of their names.

    Raises:
        PackageError: there is none.
    """
    found = sorted(path.parent for path in directory.glob(f"*/{SOURCE_DESCRIPTOR}"))
    if not found:
        raise PackageError(f"{directory} - no packages - Expected: one directory each, with a {SOURCE_DESCRIPTOR}")
    return found


def build_package(directory: Path) -> bytes:
    """Build the package of a directory with descriptor, software, change log and licence.

    Raises:
        PackageError: a file is missing or cannot be used.
    """
    software = load_software(directory)
    image = _image(software)
    text = _descriptor_text(directory, software, image)
    try:
        descriptor = parse(text)
    except DescriptorError as error:
        raise PackageError(f"{directory / SOURCE_DESCRIPTOR} - {error}") from error
    manifest_path = f"{descriptor.product}.mf"
    meta = {
        "TOSCA-Meta-File-Version": "1.0",
        "CSAR-Version": "1.1",
        "Created-By": descriptor.provider,
        ENTRY_DESCRIPTOR: _DESCRIPTOR,
        ENTRY_MANIFEST: manifest_path,
        ENTRY_CHANGE_LOG: _CHANGE_LOG,
        ENTRY_LICENSES: _LICENSES,
    }
    files = {
        META_PATH: "".join(f"{name}: {value}\n" for name, value in meta.items()).encode(),
        _DESCRIPTOR: text.encode(),
        _CHANGE_LOG: _read(directory / _CHANGE_LOG),
        f"{_LICENSES}/{_LICENSE}": _read(directory / _LICENSE),
    }
    for vdu in descriptor.vdus:
        files[resolved(_DESCRIPTOR, vdu.image.path)] = image
    digests = [digest_of(path, content) for path, content in files.items()]
    files[manifest_path] = write_manifest(_manifest_metadata(descriptor), digests).encode()
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive of some files; nothing in it depends on time, place or compressor."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.create_system = 3  # Unix, so that the mode below counts
            entry.external_attr = _MODE << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _image(software: Software) -> bytes:
    """The software image: a tar archive of what the software consists of."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in software.files:
            content = _read(path)
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = len(content), _MODE
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _descriptor_text(directory: Path, software: Software, image: bytes) -> str:
    """The descriptor with what follows from the software in place of its ${...}."""
    path = directory / SOURCE_DESCRIPTOR
    known = {
        "software_version": software.version,
        "image_sha256": hashlib.sha256(image).hexdigest(),
        "image_size_bytes": str(len(image)),
    }
    lines = (line for line in _read(path).decode().splitlines(keepends=True) if not line.lstrip().startswith("#"))
    try:
        return string.Template("".join(lines)).substitute(known)
    except (KeyError, ValueError) as error:
        raise PackageError(f"{path} - unknown or malformed ${{...}}: {error} - Expected: {', '.join(known)}") from error


def _manifest_metadata(descriptor: Descriptor) -> dict[str, str]:
    return identity(descriptor) | {
        "vnf_release_date_time": descriptor.metadata.get("release_date_time", ""),
        "vnfm_info": ",".join(descriptor.vnfm_info),
        "compatible_specification_versions": descriptor.metadata.get("compatible_specification_versions", ""),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackageError(f"{path} - cannot be read: {error.strerror}") from error
