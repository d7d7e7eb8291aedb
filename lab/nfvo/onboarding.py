"""Brings the packages of a directory on board, as an operator would."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from lab.nfvo.operations import Operations
from lab.sol.build import build_package, package_directories
from lab.vnf.package import PackageError

_log = logging.getLogger(__name__)


def onboard_directory(operations: Operations, directory: Path, disabled: Collection[str]) -> None:
    """Build and bring on board every package below a directory that is not on board yet.

    Args:
        operations: where they go.
        directory: one directory per package.
        disabled: names of those directories whose packages are DISABLED then.

    Raises:
        PackageError: there is no package, or one cannot be built or brought on board.
    """
    found = package_directories(directory)
    unknown = set(disabled) - {one.name for one in found}
    if unknown:
        raise PackageError(f"{directory} - no packages to disable - Expected: among the packages Actual: {unknown}")
    known = {entry.archive.content for entry in operations.all() if entry.archive is not None}
    for one in found:
        content = build_package(one)
        if content in known:
            _log.info("package %s - on board since before", one.name)
            continue
        package_id = operations.create({"origin": one.name}).id
        entry = operations.upload_and_wait(package_id, content)
        if entry.record.failure is not None:
            raise PackageError(f"{one} - {entry.record.failure['detail']}")
        if one.name in disabled:
            operations.set_state(package_id, "DISABLED")
