"""Signals as a queue that the supervisor reads, instead of handlers that interrupt it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_READ = (*STOP_SIGNALS, signal.SIGCHLD)
# One kill(2) to a group reaches its members one after the other; this is ample time for all of them.
_GROUP_S = 0.05
_MASK_FIELDS = ("SigPnd:", "ShdPnd:")


@dataclass(frozen=True)
class Arrived:
    """A signal that came.

    Attributes:
        number: SIGCHLD or one of STOP_SIGNALS.
        to_group: It went to the whole process group, as the terminal's Ctrl-C does: the command has it already.
    """

    number: signal.Signals
    to_group: bool = False


class SignalInbox:
    """What has been asked of this process and what its children report.

    Signals are blocked and fetched one by one, so that no step of the supervisor is ever interrupted half-way.

    `unshare --fork`, the process that everybody outside sees, blocks SIGINT and SIGTERM and forwards neither. They stay
    pending there, and whoever holds a descriptor of its `/proc/PID/status` can see them, from any namespace. A signal
    that is pending there and came here as well was sent to our process group.
    """

    def __init__(self, outer_status: int | None = None) -> None:
        """Block the signals from here on.

        Args:
            outer_status: Open descriptor of `/proc/PID/status` of the process to look at, or None.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _READ)
        self._outer_status = outer_status
        self._outer_seen: set[signal.Signals] = set()

    def wait(self, timeout_s: float) -> Arrived | None:
        """The next signal, or None when nothing came within `timeout_s` seconds."""
        info = signal.sigtimedwait(_READ, timeout_s)
        if info is None:
            return self._from_outside()
        number = signal.Signals(info.si_signo)
        if number is signal.SIGCHLD:
            return Arrived(number)
        if not self._pending_outside(number):
            time.sleep(_GROUP_S)
        if not self._pending_outside(number):
            return Arrived(number)
        self._outer_seen.add(number)
        return Arrived(number, to_group=True)

    def _from_outside(self) -> Arrived | None:
        for number in STOP_SIGNALS:
            if number in self._outer_seen or not self._pending_outside(number):
                continue
            self._outer_seen.add(number)
            return Arrived(number, to_group=signal.sigtimedwait((number,), _GROUP_S) is not None)
        return None

    def _pending_outside(self, number: signal.Signals) -> bool:
        if self._outer_status is None:
            return False
        try:
            status = os.pread(self._outer_status, 4096, 0).decode(errors="replace")
        except OSError:  # it is gone; then so are we, in a moment
            return False
        return is_pending(status, number)


def is_pending(status: str, number: signal.Signals) -> bool:
    """Whether a signal waits for a process, read from the text of its `/proc/PID/status` (proc(5))."""
    mask = 0
    for line in status.splitlines():
        if line.startswith(_MASK_FIELDS):
            mask |= int(line.split()[1], 16)
    return bool(mask & 1 << (number - 1))
