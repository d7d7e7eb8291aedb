"""``python -m lab.vnfm``: the VNFM as a process."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import logs, rest
from lab.linux import die_with_parent, yield_to_tester
from lab.vnfm.http_site import HttpSite
from lab.vnfm.pace import StoppablePace
from lab.vnfm.packages import PackageError, load_catalogue
from lab.vnfm.procedure import load_procedure
from lab.vnfm.service import assemble
from lab.vnfm.store import StoreError

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(argv)
    die_with_parent()
    yield_to_tester()
    logs.configure("vnfm")
    pace = StoppablePace()
    # The HTTP server ends in order first and then lets the signal through to this handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        listener = rest.bind(options.listen)
        host, port = listener.getsockname()
        service = assemble(
            base_url=f"http://{host}:{port}",
            store_path=options.store,
            catalogue=load_catalogue(options.packages),
            site=HttpSite(vim=options.vim, decider=options.decider, controller=options.controller),
            procedure=load_procedure(options.procedure),
            pace=pace,
        )
    except (PackageError, StoreError, ValueError, OSError) as error:
        _log.error("vnfm - cannot start: %s", error)
        return 1
    try:
        rest.serve(service.app, listener)
    finally:
        pace.stop()
        service.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.vnfm", description="VNF manager with SOL003 /vnflcm/v2.")
    parser.add_argument("--listen", default="127.0.0.1:8001", metavar="HOST:PORT")
    parser.add_argument("--vim", default="http://127.0.0.1:8002", metavar="URL")
    parser.add_argument("--decider", default="http://127.0.0.1:8003", metavar="URL")
    parser.add_argument("--controller", default="http://127.0.0.1:8005", metavar="URL")
    parser.add_argument("--packages", type=Path, required=True, metavar="DIR", help="one directory per VNF package")
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="SQLite file; survives a restart")
    parser.add_argument("--procedure", default="lab.vnfm.upgrade:FourStepUpgrade", metavar="MODULE:CLASS")
    return parser


if __name__ == "__main__":
    sys.exit(main())
