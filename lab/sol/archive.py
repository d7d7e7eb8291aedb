"""VNF packages (SOL004): ZIP archives with a folder TOSCA-Metadata, opened and verified."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.sol.descriptor import Descriptor
from lab.sol.manifest import Manifest, ManifestError, digest_of, read_manifest
from lab.sol.tosca import DescriptorError
from lab.sol.vnfd import parse

META_PATH: Final = "TOSCA-Metadata/TOSCA.meta"
ENTRY_DESCRIPTOR: Final = "Entry-Definitions"
ENTRY_MANIFEST: Final = "ETSI-Entry-Manifest"
ENTRY_CHANGE_LOG: Final = "ETSI-Entry-Change-Log"
ENTRY_LICENSES: Final = "ETSI-Entry-Licenses"

_ENTRIES: Final = (ENTRY_DESCRIPTOR, ENTRY_MANIFEST, ENTRY_CHANGE_LOG)
_MOST_BYTES: Final = 64 * 2**20
"""A package may unpack to so much; more is taken for an attack or a mistake."""


class ArchiveError(ValueError):
    """A package that must not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A verified package.

    Attributes:
        content: the archive itself.
        meta: entries of TOSCA.meta.
        files: content by path, folders left out.
    """

    content: bytes
    meta: Mapping[str, str]
    files: Mapping[str, bytes]
    manifest: Manifest
    descriptor: Descriptor

    @property
    def descriptor_path(self) -> str:
        """Path of the descriptor."""
        return self.meta[ENTRY_DESCRIPTOR]

    @property
    def manifest_path(self) -> str:
        """Path of the manifest."""
        return self.meta[ENTRY_MANIFEST]

    def image_path(self, file: str) -> str:
        """Path of a file that the descriptor names, which is relative to the descriptor."""
        return resolved(self.descriptor_path, file)

    @property
    def descriptor_files(self) -> tuple[str, ...]:
        """Paths of what the descriptor consists of: it, and what lies beside it in a folder of its own."""
        folder = posixpath.dirname(self.descriptor_path)
        beside = {path for path in self.files if folder and path.startswith(f"{folder}/")}
        return tuple(sorted(beside | {self.descriptor_path}))

    @property
    def artifacts(self) -> tuple[str, ...]:
        """Paths of software images and additional artifacts."""
        others = {META_PATH, self.manifest_path, *self.descriptor_files}
        return tuple(path for path in self.files if path not in others)

    @property
    def additional_artifacts(self) -> tuple[str, ...]:
        """Paths of what is neither software image nor descriptor, manifest or metadata."""
        images = {self.image_path(vdu.image.path) for vdu in self.descriptor.vdus}
        return tuple(path for path in self.artifacts if path not in images)


def open_archive(content: bytes) -> Archive:
    """Open a package and verify everything that it says about itself.

    Raises:
        ArchiveError: it is no package, incomplete, or not what its checksums say.
    """
    files = _unpacked(content)
    try:
        meta = _meta(files)
        manifest = read_manifest(_text(files, meta[ENTRY_MANIFEST]))
        _verify_digests(files, manifest, unlisted={meta[ENTRY_MANIFEST]})
        descriptor = parse(_text(files, meta[ENTRY_DESCRIPTOR]))
        archive = Archive(content, meta, files, manifest, descriptor)
        _verify_images(archive)
        _verify_identity(archive)
    except ManifestError as error:
        raise ArchiveError(str(error)) from error
    except DescriptorError as error:
        raise ArchiveError(f"descriptor - {error}") from error
    return archive


def resolved(descriptor_path: str, file: str) -> str:
    """Turn a path relative to the descriptor into one relative to the package."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(descriptor_path), file))


def _unpacked(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            size = sum(one.file_size for one in entries)
            if size > _MOST_BYTES:
                raise ArchiveError(f"archive - too big - Expected: at most {_MOST_BYTES} bytes unpacked Actual: {size}")
            for entry in entries:
                if entry.filename in files or not _is_plain(entry.filename):
                    raise ArchiveError(f"archive - {entry.filename} - Expected: plain paths, each once")
                files[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        # The last ones are what zipfile raises for encrypted, truncated and otherwise odd archives.
        raise ArchiveError(f"archive - not a readable ZIP: {error}") from error
    return files


def _is_plain(path: str) -> bool:
    """Tell whether a path leads to a place within the package, in the one way that there is."""
    return posixpath.normpath(path) == path and not path.startswith(("/", "../")) and path != ".."


def _meta(files: Mapping[str, bytes]) -> dict[str, str]:
    pairs = (line.partition(":") for line in _text(files, META_PATH).splitlines() if line.strip())
    meta = {name.strip(): value.strip() for name, _, value in pairs}
    for entry in _ENTRIES:
        if meta.get(entry) not in files:
            raise ArchiveError(
                f"{META_PATH} - {entry} - Expected: path of a file in the package Actual: {meta.get(entry)}"
            )
    return meta


def _text(files: Mapping[str, bytes], path: str) -> str:
    if path not in files:
        raise ArchiveError(f"{path} - missing in the package")
    try:
        return files[path].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path} - not UTF-8: {error}") from error


def _verify_digests(files: Mapping[str, bytes], manifest: Manifest, unlisted: set[str]) -> None:
    """See that every file is listed, but for the manifest itself, and that every listed file is there and unchanged."""
    for expected in manifest.digests:
        if expected.source not in files:
            raise ArchiveError(f"{expected.source} - listed in the manifest, missing in the package")
        actual = digest_of(expected.source, files[expected.source], expected.algorithm)
        if actual != expected:
            raise ArchiveError(
                f"{expected.source} - wrong checksum ({actual.algorithm}) - "
                f"Expected: {expected.hash} Actual: {actual.hash}"
            )
    missing = sorted(set(files) - {one.source for one in manifest.digests} - unlisted)
    if missing:
        raise ArchiveError(f"{missing[0]} - not listed in the manifest")


def _verify_images(archive: Archive) -> None:
    for vdu in archive.descriptor.vdus:
        image, path = vdu.image, archive.image_path(vdu.image.path)
        if path not in archive.files:
            raise ArchiveError(f"{path} - software image {image.name} missing in the package")
        actual = digest_of(path, archive.files[path], image.algorithm)
        if actual.hash != image.hash:
            raise ArchiveError(
                f"{path} - software image {image.name} - wrong checksum ({actual.algorithm}) - "
                f"Expected: {image.hash} Actual: {actual.hash}"
            )
        if len(archive.files[path]) != image.size_bytes:
            size = len(archive.files[path])
            raise ArchiveError(
                f"{path} - software image {image.name} - Expected: {image.size_bytes} bytes Actual: {size}"
            )


def _verify_identity(archive: Archive) -> None:
    """See that the manifest speaks of the VNF that the descriptor describes."""
    for name, value in identity(archive.descriptor).items():
        if archive.manifest.metadata.get(name) != value:
            actual = archive.manifest.metadata.get(name)
            raise ArchiveError(f"manifest - {name} - Expected: {value!r}, as in the descriptor Actual: {actual!r}")


def identity(descriptor: Descriptor) -> dict[str, str]:
    """Return what manifest and descriptor both say, by its name in the manifest."""
    return {
        "vnfd_id": descriptor.vnfd_id,
        "vnf_provider_id": descriptor.provider,
        "vnf_product_name": descriptor.product,
        "vnf_software_version": descriptor.software_version,
        "vnf_package_version": descriptor.vnfd_version,
    }
