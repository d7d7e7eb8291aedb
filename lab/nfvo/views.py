"""``VnfPkgInfo`` documents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from lab.nfvo.inventory import Entry
from lab.sol.archive import Archive
from lab.sol.descriptor import Vdu
from lab.sol.manifest import digest_of

API_PATH: Final = "/vnfpkgm/v2"
PACKAGES: Final = f"{API_PATH}/vnf_packages"
ONBOARDED_PACKAGES: Final = f"{API_PATH}/onboarded_vnf_packages"

DETAILS: Final = frozenset({"softwareImages", "additionalArtifacts", "userDefinedData", "checksum"})
"""Attributes that a list leaves out unless asked for."""


@dataclass(frozen=True, slots=True)
class Links:
    """URIs of resources.

    Attributes:
        base_url: scheme, host and port.
    """

    base_url: str

    def package(self, package_id: str) -> str:
        """URI of a package."""
        return f"{self.base_url}{PACKAGES}/{package_id}"


def package_document(entry: Entry, in_use: frozenset[str], links: Links) -> dict[str, Any]:
    """Build the document of a package; ``in_use`` are descriptors."""
    record = entry.record
    uri = links.package(record.id)
    document: dict[str, Any] = {
        "id": record.id,
        "onboardingState": record.onboarding_state,
        "operationalState": record.operational_state,
        "usageState": "NOT_IN_USE",
        "_links": {"self": {"href": uri}, "packageContent": {"href": f"{uri}/package_content"}},
    }
    if record.user_defined_data:
        document["userDefinedData"] = record.user_defined_data
    if record.failure is not None:
        document["onboardingFailureDetails"] = record.failure
    if entry.archive is not None:
        document |= _content_attributes(entry.archive)
        document["_links"]["vnfd"] = {"href": f"{uri}/vnfd"}
        if entry.archive.descriptor.vnfd_id in in_use:
            document["usageState"] = "IN_USE"
    return document


def _content_attributes(archive: Archive) -> dict[str, Any]:
    descriptor = archive.descriptor
    return {
        "vnfdId": descriptor.vnfd_id,
        "vnfProvider": descriptor.provider,
        "vnfProductName": descriptor.product,
        "vnfSoftwareVersion": descriptor.software_version,
        "vnfdVersion": descriptor.vnfd_version,
        "compatibleSpecificationVersions": _compatible(archive),
        "vnfmInfo": list(descriptor.vnfm_info),
        # Each file has its digest in the manifest.
        "packageSecurityOption": "OPTION_1",
        "checksum": {"algorithm": "SHA-256", "hash": hashlib.sha256(archive.content).hexdigest()},
        "softwareImages": [_image(vdu, archive) for vdu in descriptor.vdus],
        "additionalArtifacts": [_artifact(path, archive) for path in archive.additional_artifacts],
    }


def _compatible(archive: Archive) -> list[str]:
    return [one.strip() for one in archive.manifest.metadata.get("compatible_specification_versions", "").split(",")]


def _image(vdu: Vdu, archive: Archive) -> dict[str, Any]:
    image = vdu.image
    return {
        "id": vdu.id,
        "name": image.name,
        "provider": archive.descriptor.provider,
        "version": image.version,
        "checksum": {"algorithm": image.algorithm, "hash": image.hash},
        "isEncrypted": False,
        "containerFormat": image.container_format.upper(),
        "diskFormat": image.disk_format.upper(),
        "createdAt": archive.manifest.metadata["vnf_release_date_time"],
        "minDisk": image.min_disk_bytes,
        "minRam": 0,
        "size": image.size_bytes,
        "imagePath": archive.image_path(image.path),
    }


def _artifact(path: str, archive: Archive) -> dict[str, Any]:
    digest = digest_of(path, archive.files[path])
    return {"artifactPath": path, "checksum": {"algorithm": digest.algorithm, "hash": digest.hash}}
