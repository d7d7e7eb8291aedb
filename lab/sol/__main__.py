"""`python -m lab.sol DIR TARGET`: builds the packages of a directory into files that any NFVO can bring on board."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.messages import say
from lab.sol.archive import open_archive
from lab.sol.build import build_package, package_directories
from lab.vnf.package import PackageError


def main(argv: Sequence[str] | None = None) -> int:
    """Build; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.sol", description="Build VNF packages (SOL004).")
    parser.add_argument("directory", type=Path, metavar="DIR", help="one directory per package")
    parser.add_argument("target", type=Path, metavar="TARGET", help="folder for the files")
    options = parser.parse_args(argv)
    try:
        options.target.mkdir(parents=True, exist_ok=True)
        for directory in package_directories(options.directory):
            archive = open_archive(build_package(directory))
            file = options.target / f"{archive.descriptor.product}-{archive.descriptor.software_version}.csar"
            file.write_bytes(archive.content)
            say(f"{file}   vnfdId {archive.descriptor.vnfd_id}")
    except (PackageError, OSError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
