"""Entry of the child processes: `python -m lab.generator.worker sender|receiver ...`, started by the server only."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from lab.generator import children, counters, receiver, sender
from lab.generator.packet_socket import DeviceError

_ROLES = {"sender": sender.run, "receiver": receiver.run}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one role until the server closes the connection."""
    parser = argparse.ArgumentParser(prog="lab.generator.worker")
    parser.add_argument("role", choices=_ROLES)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--connection", type=int, required=True)
    parser.add_argument("--counters", type=int, required=True)
    parser.add_argument("devices", nargs=2)
    arguments = parser.parse_args(argv)
    children.die_with(arguments.parent)
    # Ctrl-C reaches the whole process group; the server decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _ROLES[arguments.role](arguments.devices, Connection(arguments.connection), counters.attach(arguments.counters))
    except DeviceError as error:
        sys.stderr.write(f"generator {arguments.role}: {error}\n")
        return 1
    except (BrokenPipeError, ConnectionResetError):
        return 0  # the server has gone in the middle of an answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
