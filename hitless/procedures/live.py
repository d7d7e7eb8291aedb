"""What can be known of a recording while it is still being made: who serves the sessions that begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hitless.history import Int16Array, Int64Array, TrafficGroup
from hitless.recording.decode import decode_probes
from hitless.recording.manifest import PROBES
from hitless.recording.marks import Marks, versions_of
from hitless.recording.pcap import read_packets
from hitless.sessions import Layout


class LiveProbes:
    """Reads the probes of a growing recording as they arrive."""

    def __init__(self, folder: Path, groups: Sequence[TrafficGroup], marks: Marks) -> None:
        """Begin at the first packet of the recording in ``folder``."""
        self._path = folder / PROBES
        self._groups = tuple(
            group for group in groups if group.kind == "probe" and Layout.from_data(group.layout).short_sessions
        )
        self._marks = marks
        self._offset = 0

    def opened_sessions(self) -> tuple[Int64Array, Int16Array]:
        """Return the sessions that began since the last call.

        Returns:
            When each opening packet arrived, ns on the clock of the capture, and its version mark.
        """
        if not self._path.exists():
            return np.empty(0, np.int64), np.empty(0, np.int16)
        block, self._offset = read_packets(self._path, self._offset)
        probes = decode_probes(block, self._groups)
        opening = probes.rows[probes.index == 0]
        return block.times_ns[opening], versions_of(self._marks, block)[opening]
