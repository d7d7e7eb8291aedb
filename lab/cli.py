"""The command line of the lab: `python -m lab run`, `python -m lab defects`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from lab import defects, isolation
from lab.inside import Order, supervise
from lab.messages import say
from lab.parts import STANDARD, Parts

EXIT_NOT_ISOLATED = 3
EXIT_NOT_FOUND = 127
_EXIT_CODES = """\
exit code of `run`: that of COMMAND, 128 + N if signal N ended it; 2 wrong command line; 3 this machine gives no private
namespaces; 4 a process of the lab did not start, 6 one died although COMMAND succeeded; 127 COMMAND not found"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, or becomes the lab and does not return at all."""
    arguments, command = split_command(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.action == "defects":
        print(_listing(as_json=options.json))  # noqa: T201 - the listing is what was asked for
        return 0
    if not command:
        parser.error("run - COMMAND is missing - Expected: python -m lab run [options] -- COMMAND [argument ...]")
    if options.outer_status is not None:
        return supervise(_order(options, command), os.environ)
    return _go_inside(arguments, command, options)


def split_command(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and what comes behind the first `--`, whatever that looks like."""
    words = list(argv)
    if "--" not in words:
        return words, []
    position = words.index("--")
    return words[:position], words[position + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="A complete small NFV system in namespaces.")
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser(
        "run",
        help="put the lab up, run a command in it, take it down",
        usage="python -m lab run [-h] [--defect NAME] [--logs DIR] [--state DIR] -- COMMAND [argument ...]",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("--defect", choices=sorted(defects.REGISTRY), metavar="NAME", help="see `python -m lab defects`")
    run.add_argument("--logs", type=Path, default=Path("reports/logs"), metavar="DIR", help="default: %(default)s")
    run.add_argument("--state", type=Path, metavar="DIR", help="what processes store; default: vanishes with the lab")
    run.add_argument("--inside", type=int, dest="outer_status", help=argparse.SUPPRESS)
    listing = actions.add_parser("defects", help="list the seeded defects")
    listing.add_argument("--json", action="store_true", help="as a JSON array")
    return parser


def _order(options: argparse.Namespace, command: Sequence[str]) -> Order:
    return Order(
        parts=_parts(options.defect),
        logs=options.logs,
        state=options.state,
        outer_status=options.outer_status,
        command=command,
    )


def _parts(defect: str | None) -> Parts:
    return STANDARD if defect is None else defects.REGISTRY[defect].apply(STANDARD)


def _go_inside(  # noqa: RET503 - `enter` is NoReturn
    arguments: Sequence[str], command: Sequence[str], options: argparse.Namespace
) -> int:
    """Become the lab; returns only if that is impossible."""
    environment = _environment(options.logs)
    refusal = _refusal(command[0], environment["PATH"])
    if refusal is not None:
        return refusal
    for folder in (options.logs, options.state):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    say(f"run id: {environment['HITLESS_RUN_ID']}   logs: {options.logs}")
    status = isolation.open_own_status()
    inner = [*arguments, "--inside", str(status), "--", *command]
    isolation.enter([sys.executable, "-m", "lab", *inner], environment)


def _refusal(program: str, path: str) -> int | None:
    """Say why nothing can be started and return the exit code for it; None when all is well."""
    if shutil.which(program, path=path) is None:
        say(f"{program} - not found in PATH or not executable, nothing was started")
        return EXIT_NOT_FOUND
    try:
        isolation.require()
    except isolation.IsolationError as error:
        say(str(error))
        return EXIT_NOT_ISOLATED
    return None


def _environment(logs: Path) -> dict[str, str]:
    """What every process of the run finds in its environment; the run id makes its traces searchable."""
    scripts = sysconfig.get_path("scripts")
    return {
        **os.environ,
        "PATH": os.pathsep.join((scripts, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")),
        "HITLESS_RUN_ID": secrets.token_hex(6),
        "HITLESS_LOG_DIR": os.fspath(logs.resolve()),
        "PYTHONFAULTHANDLER": "1",
    }


def _listing(*, as_json: bool) -> str:
    rows = [defects.REGISTRY[name] for name in sorted(defects.REGISTRY)]
    if as_json:
        return json.dumps(
            [{"name": row.name, "breaks": row.breaks, "description": row.description} for row in rows], indent=2
        )
    width = max(len(row.name) for row in rows)
    return "\n".join(f"{row.name:<{width}}  {row.breaks or 'nothing':<10}  {row.description}" for row in rows)
