"""``python -m lab.vnfm``: the VNFM as a process."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from lab import logs, rest
from lab.linux import die_with_parent, yield_to_tester
from lab.loading import load_part
from lab.vnfm.documents import Documents
from lab.vnfm.engine import Engine
from lab.vnfm.http_site import HttpSite
from lab.vnfm.journal import Journal
from lab.vnfm.nfvo import Nfvo
from lab.vnfm.pace import StoppableTime
from lab.vnfm.packages import NfvoCatalogue
from lab.vnfm.power import HttpPower
from lab.vnfm.procedure import load_procedure
from lab.vnfm.runner import Runner
from lab.vnfm.service import Choices, assemble
from lab.vnfm.store import StoreError

_log = logging.getLogger(__name__)

Part = TypeVar("Part")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(argv)
    die_with_parent()
    yield_to_tester()
    logs.configure("vnfm")
    pace = StoppableTime()
    # The HTTP server ends in order first and then lets the signal through to this handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        listener = rest.bind(options.listen)
        host, port = listener.getsockname()
        service = assemble(
            base_url=f"http://{host}:{port}",
            store_path=options.store,
            catalogue=NfvoCatalogue(Nfvo(options.nfvo)),
            site=HttpSite(vim=options.vim, decider=options.decider, controller=options.controller),
            power=HttpPower(options.vim),
            choices=_choices(options),
            pace=pace,
        )
    except (StoreError, ValueError, OSError) as error:
        _log.error("vnfm - cannot start: %s", error)
        return 1
    try:
        rest.serve(service.app, listener)
    finally:
        pace.stop()
        service.close()
    return 0


def _choices(options: argparse.Namespace) -> Choices:
    """Import what the command line names; raises ``ValueError`` for what is not there or not of its kind."""
    return Choices(
        procedure=load_procedure(options.procedure),
        engine=_load(options.engine, Engine),
        runner=_load(options.runner, Runner),
        journal=_load(options.journal, Journal),
        documents=_load(options.documents, Documents),
    )


def _load(reference: str, kind: type[Part]) -> type[Part]:
    found = load_part(reference)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ValueError(f"{reference!r} - is no {kind.__name__} - Actual: {found!r}")  # noqa: TRY004 - one error for a wrong command line
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.vnfm", description="VNF manager with SOL003 /vnflcm/v2.")
    parser.add_argument("--listen", default="127.0.0.1:8001", metavar="HOST:PORT")
    parser.add_argument("--vim", default="http://127.0.0.1:8002", metavar="URL")
    parser.add_argument("--decider", default="http://127.0.0.1:8003", metavar="URL")
    parser.add_argument("--controller", default="http://127.0.0.1:8005", metavar="URL")
    parser.add_argument("--nfvo", default="http://127.0.0.1:8004", metavar="URL", help="where packages are on board")
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="SQLite file; survives a restart")
    parser.add_argument("--procedure", default="lab.vnfm.upgrade:FourStepUpgrade", metavar="MODULE:CLASS")
    for option, standard in (
        ("--engine", "lab.vnfm.engine:Engine"),
        ("--runner", "lab.vnfm.runner:Runner"),
        ("--journal", "lab.vnfm.journal:Journal"),
        ("--documents", "lab.vnfm.documents:Documents"),
    ):
        parser.add_argument(option, default=standard, metavar="MODULE:CLASS")
    return parser


if __name__ == "__main__":
    sys.exit(main())
