"""The arguments of `tools/meter_report.py`, each of them checked before anything is sent."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

_EPILOG = """\
exit codes: 0 printed, 1 no server there, or it was lost or refused, 2 wrong arguments, 3 a command failed,
            4 printed, but nothing came back in a direction, 130 interrupted, 141 nobody read on

example: meter_report.py 10.0.0.7 --drop-on 'ssh r1 nft -f on.nft' --drop-off 'ssh r1 nft -f off.nft'
"""
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
LEAST_SECONDS = 0.5
"""In less than that there are too few samples of the counters for a rate."""


def parse(arguments: Sequence[str] | None, description: str) -> argparse.Namespace:
    """Return the options.

    Raises:
        SystemExit: 2, an argument is wrong; standard error says which.
    """
    parser = meter_parser(description)
    options = parser.parse_args(arguments)
    if (options.drop_on is None) != (options.drop_off is None):
        parser.error("--drop-on and --drop-off: each needs the other")
    if options.ports[0] == options.ports[1]:
        parser.error(f"argument --ports: Expected: two different ports Actual: {options.ports[0]} twice")
    return options


def meter_parser(description: str) -> argparse.ArgumentParser:
    """Return the parser; what concerns several arguments ``parse`` checks."""
    parser = argparse.ArgumentParser(
        prog="meter_report.py",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    _add_server(parser)
    _add_traffic(parser)
    _add_outage(parser)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the recordings there")
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", help="name or address of a stateless TRex server")
    parser.add_argument("--sync-port", type=_tcp_port, default=4501, metavar="N", help="port of its RPC (4501)")
    parser.add_argument("--async-port", type=_tcp_port, default=4500, metavar="N", help="of its publications (4500)")
    parser.add_argument(
        "--timeout-s", type=_more_than(0, "s"), default=3.0, metavar="S", help="how long one call may take (3)"
    )
    parser.add_argument(
        "--ports", type=_port, nargs=2, default=(0, 1), metavar=("USERS", "NETWORK"), help="two ports (0 1)"
    )
    parser.add_argument("--force", action="store_true", help="take the ports away from whoever owns them")


def _add_traffic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dst-mac-up", type=_mac, metavar="MAC", help="where the users' port sends to (as the server is configured)"
    )
    parser.add_argument("--dst-mac-down", type=_mac, metavar="MAC", help="where the network's port sends to (likewise)")
    parser.add_argument(
        "--rate",
        type=_more_than(0, "pps"),
        default=10_000.0,
        metavar="PPS",
        help="all packets together, more than the probes, which are 4000 of them (10000)",
    )
    parser.add_argument(
        "--seconds",
        type=_at_least(LEAST_SECONDS, "s"),
        default=6.0,
        metavar="S",
        help=f"length of the recording without outage (6; at least {LEAST_SECONDS:g})",
    )
    parser.add_argument(
        "--tunable",
        type=_tunable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the traffic profile, to suit the routes of a path: user-base=10.1.0.0, service-address=10.2.0.1, "
        "service-port=5001, load-frame=128 and others (traffic_profiles/upgrade.py); repeatable",
    )


def _add_outage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drop-on", type=_command, metavar="COMMAND", help="makes the path drop everything; run without a shell"
    )
    parser.add_argument("--drop-off", type=_command, metavar="COMMAND", help="ends that")
    parser.add_argument(
        "--outage-ms",
        type=_more_than(0, "ms"),
        default=500.0,
        metavar="MS",
        help="from when the first command is done to when the second one is started (500)",
    )


def _number(text: str) -> float:
    value = math.nan
    with contextlib.suppress(ValueError):
        value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"Expected: a number Actual: {text}")
    return value


def _more_than(least: float, unit: str) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = _number(text)
        if value <= least:
            raise argparse.ArgumentTypeError(f"Expected: more than {least:g} {unit} Actual: {text}")
        return value

    return number


def _at_least(least: float, unit: str) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = _number(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"Expected: at least {least:g} {unit} Actual: {text}")
        return value

    return number


def _port(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"Expected: a port's number, from 0 Actual: {text}")
    return int(text)


def _tcp_port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"Expected: 1 to 65535 Actual: {text}")
    return int(text)


def _mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise argparse.ArgumentTypeError(f"Expected: a MAC address like 02:00:00:00:00:01 Actual: {text}")
    return text


def _tunable(text: str) -> tuple[str, str]:
    """Return an argument of the profile, with its dashes, and its value."""
    name, separator, value = text.partition("=")
    name = name.lstrip("-")
    if not (name and separator and value):
        raise argparse.ArgumentTypeError(f"Expected: NAME=VALUE Actual: {text}")
    return f"--{name}", value


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: {text}") from error
    if not words:
        raise argparse.ArgumentTypeError("Expected: a command Actual: nothing")
    return words
