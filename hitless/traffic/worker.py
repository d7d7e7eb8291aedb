"""The traffic worker: the only process that imports TRex's library.

``python -m hitless.traffic.worker PARENT_PID``; commands come in on stdin, answers go out on stdout (``protocol``).
The library prints, sends signals to its own process when it loses the server, and changes the interpreter that imports
it: here it may.

The worker ends when it is told to, when stdin ends, when its parent dies, and on SIGTERM. Each time it first stops its
traffic, removes its capture and releases its ports.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from types import FrameType

from hitless import logs
from hitless.traffic.commands import CommandServer
from hitless.traffic.protocol import LineReader

_log = logging.getLogger("hitless.traffic.worker")

_PR_SET_PDEATHSIG = 1
_CLOSING_S = 15
"""What cannot be closed within this is left: better a port that stays taken than a process that stays."""


def _keep_stdout_for_answers() -> int:
    """Return a file descriptor for answers, and send everything that is printed to the log instead."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _die_with(parent_pid: int) -> None:
    """Let the kernel send SIGHUP when the parent is gone; stdin's end says the same, but only when we read."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise SystemExit("traffic worker: the parent was gone before the worker was up")


def _install_signals(worker: CommandServer, parent_pid: int) -> None:
    def hang_up(_signal: int, _frame: FrameType | None) -> None:
        # Also sent when the parent's *thread* that started us ends. Then there is no reason to go.
        if os.getppid() != parent_pid:
            worker.farewell = "the parent is gone"

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        worker.farewell = "SIGTERM: somebody ended it, or TRex's event thread crashed (then the log says so)"

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        # TRex's event thread has lost the server. The call that is under way fails by itself and says so.
        _log.warning("SIGINT: TRex's library has lost its server")

    signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, interrupt)


def main() -> None:
    """Run the worker."""
    parent_pid = int(sys.argv[1])
    answers = _keep_stdout_for_answers()
    logs.configure("traffic-worker")  # standard error is its log file
    worker = CommandServer(LineReader(0), answers)
    _install_signals(worker, parent_pid)
    _die_with(parent_pid)
    try:
        worker.run()
    except Exception:  # noqa: BLE001 - whatever it is, the traffic has to be stopped
        _log.exception("the worker failed")
        worker.farewell = "internal error, see the log"
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_CLOSING_S)
    worker.leave()
    if worker.farewell:
        _log.warning("left: %s", worker.farewell)
        worker.send({"farewell": worker.farewell})
    logging.shutdown()
    # The library's threads and sockets need no further ceremony, and some of them would wait for a dead server.
    os._exit(0)


if __name__ == "__main__":
    main()
