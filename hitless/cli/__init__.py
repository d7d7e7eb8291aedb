"""The command line: ``hitless run | check | judge | list | report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol

from hitless import __version__
from hitless.catalogue import PROFILES, CatalogueError
from hitless.cli import checking, judgement, listing, reporting, running
from hitless.preflight import MOST_PERCENT
from hitless.recording import RecordingError
from hitless.results import ExitCode

_EPILOG = """\
exit codes: 0 passed, 1 failed, 2 inconclusive, 3 the tester went wrong, 4 wrong usage or declaration, 5 nothing judged

begin with:  cp suts/template.yaml my.yaml   (and fill it in)
             hitless check --sut my.yaml
             hitless run --sut my.yaml
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.carry_out(options))
    except (CatalogueError, RecordingError) as error:
        print(f"hitless: {error}", file=sys.stderr)
        return int(ExitCode.USAGE)
    except BrokenPipeError:  # somebody piped us into head
        sys.stderr.close()
        return int(ExitCode.PASS)
    except KeyboardInterrupt:
        print("hitless: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hitless",
        description="Conformance suite for software upgrade in ETSI NFV: did users notice, and can you prove it?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hitless {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_check(commands)
    _add_judge(commands)
    _add_list(commands)
    _add_report(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Ends with our exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(int(ExitCode.USAGE), f"{self.prog}: {message}\n")


class _Commands(Protocol):
    """Where a command is added (argparse has no public name for it)."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's own name
        """Return the parser of a new command."""


def _add_run(commands: _Commands) -> None:
    command = commands.add_parser("run", help="check, upgrade under traffic, judge, report")
    _add_sut(command)
    command.add_argument("--profile", choices=PROFILES, default="quick", help="durations and sample sizes")
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="only this requirement (RQ-...) or test purpose (TP-...); repeatable",
    )
    _add_reports(command)
    command.add_argument("--no-html", action="store_true", help="do not generate report.html")
    command.add_argument("--no-repeat", action="store_true", help="record nothing a second time after INCONC")
    command.set_defaults(carry_out=running.run)


def _add_check(commands: _Commands) -> None:
    command = commands.add_parser("check", help="can everything be reached, do marks appear, does the tester carry it")
    _add_sut(command)
    sending = command.add_mutually_exclusive_group()
    sending.add_argument(
        "--traffic",
        action="store_true",
        help="also send some seconds of traffic through the VNF, and say whether the tester suffices for the limits",
    )
    sending.add_argument(
        "--loopback",
        action="store_true",
        help="the generator's two ports are cabled back to back: look at the tester alone, up to 120 %% of the load",
    )
    command.add_argument(
        "--up-to",
        type=_percent,
        metavar="PERCENT",
        help="highest rate that --traffic (100) or --loopback (120) tries, in percent of vnf.rated_capacity",
    )
    command.add_argument(
        "--profile", choices=PROFILES, default="quick", help="whose time is estimated, whose limits are held against"
    )
    command.add_argument("--worksheet", action="store_true", help="also print wiring, addresses and interfaces")
    command.set_defaults(carry_out=checking.check)


def _percent(text: str) -> float:
    value = float(text)
    if not 0 < value <= MOST_PERCENT:
        raise argparse.ArgumentTypeError(f"{text} - Expected: more than 0 and at most {MOST_PERCENT:g} percent")
    return value


def _add_judge(commands: _Commands) -> None:
    command = commands.add_parser("judge", help="the verdicts of recorded folders again, from the folders alone")
    command.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a recording, or a folder of them")
    command.add_argument("--against", type=Path, metavar="FILE", help="say whether verdict.json says exactly the same")
    command.add_argument("--json", action="store_true", help="verdicts as JSON")
    command.set_defaults(carry_out=judgement.judge)


def _add_list(commands: _Commands) -> None:
    command = commands.add_parser("list", help="the requirements with source, limits and reasons")
    command.add_argument("ids", nargs="*", metavar="ID", help="only these requirements, in full")
    command.add_argument("--full", action="store_true", help="all requirements in full")
    command.add_argument("--profile", choices=PROFILES, default="quick", help="whose limits to show")
    command.add_argument("--sut", type=Path, metavar="FILE", help="also say whether each applies to this declaration")
    command.set_defaults(carry_out=listing.show)


def _add_report(commands: _Commands) -> None:
    command = commands.add_parser("report", help="report.html again from the results of the last run")
    _add_reports(command)
    command.set_defaults(carry_out=reporting.report)


def _add_sut(command: argparse.ArgumentParser) -> None:
    command.add_argument("--sut", type=Path, required=True, metavar="FILE", help="what the system under test is")


def _add_reports(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="where results go")
