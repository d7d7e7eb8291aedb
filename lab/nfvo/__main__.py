"""`python -m lab.nfvo`: brings packages on board and gives them out."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import logs, rest
from lab.linux import die_with_parent, yield_to_tester
from lab.nfvo.api import package_api
from lab.nfvo.inventory import Inventory, InventoryError
from lab.nfvo.onboarding import onboard_directory
from lab.nfvo.operations import Operations
from lab.nfvo.usage import NoUsage, VnfmUsage
from lab.nfvo.views import Links
from lab.vnf.package import PackageError

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(argv)
    die_with_parent()
    yield_to_tester()
    logs.configure("nfvo")
    # The HTTP server ends in order first and then lets the signal through to this handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        listener = rest.bind(options.listen)
        usage = NoUsage() if options.vnfm is None else VnfmUsage(options.vnfm)
        operations = Operations(Inventory(options.state), usage)
        onboard_directory(operations, options.packages, options.disable)
    except (PackageError, InventoryError, ValueError, OSError) as error:
        _log.error("nfvo - cannot start: %s", error)
        return 1
    host, port = listener.getsockname()
    try:
        rest.serve(package_api(operations, Links(f"http://{host}:{port}")), listener)
    finally:
        operations.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.nfvo", description="NFVO with SOL003/SOL005 /vnfpkgm/v2.")
    parser.add_argument("--listen", default="127.0.0.1:8004", metavar="HOST:PORT")
    parser.add_argument("--packages", type=Path, required=True, metavar="DIR", help="one directory per VNF package")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="what survives a restart")
    parser.add_argument("--vnfm", metavar="URL", help="tells which packages are in use; default: none is")
    parser.add_argument(
        "--disable", action="append", default=[], metavar="NAME", help="disable this package of DIR; may be repeated"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
