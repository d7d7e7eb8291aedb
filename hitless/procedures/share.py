"""When is the last share change over? Long-lived sessions may end only then, and no drain can finish before they do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ShareWatch:
    """Follows which software version serves the sessions that begin.

    All times are nanoseconds of one clock of the caller's choice; it only has to be the same for every call.
    """

    def __init__(self, target_version: int, *, hold_ns: int, minimum_sessions: int = 100) -> None:
        """Watch for sessions of the target version.

        Args:
            target_version: index of the target version among the marks.
            hold_ns: for how long every new session must have gone to the target version.
            minimum_sessions: how many sessions must have begun in that time for the share to mean something.
        """
        self._target = target_version
        self._hold_ns = hold_ns
        self._minimum = minimum_sessions
        self._opened_ns: NDArray[np.int64] = np.empty(0, np.int64)
        self._version: NDArray[np.int16] = np.empty(0, np.int16)
        self._first_ns: int | None = None

    def add(self, opened_ns: NDArray[np.int64], version: NDArray[np.int16]) -> None:
        """Take in sessions that began: when, and the version mark of their opening packet."""
        if not len(opened_ns):
            return
        if self._first_ns is None:
            self._first_ns = int(opened_ns.min())
        opened = np.concatenate((self._opened_ns, opened_ns))
        versions = np.concatenate((self._version, version))
        recent = opened > opened.max() - self._hold_ns
        self._opened_ns, self._version = opened[recent], versions[recent]

    @property
    def target_share(self) -> float | None:
        """Share of the target version among the sessions that began in the last ``hold_ns``; None without sessions."""
        if not len(self._version):
            return None
        return float(np.mean(self._version == self._target))

    @property
    def complete(self) -> bool:
        """Whether every session that began for the whole of ``hold_ns`` went to the target version."""
        if self._first_ns is None or len(self._version) < self._minimum:
            return False
        watched_long_enough = int(self._opened_ns.max()) - self._first_ns >= self._hold_ns
        return watched_long_enough and bool(np.all(self._version == self._target))
