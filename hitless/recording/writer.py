"""Writes a recording while it happens, so that a run that is killed leaves a readable folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from hitless.history import Attempt, CounterSeries, Ending, Event, Int64Array, OperationState, Snapshot, Stall
from hitless.recording import manifest as files
from hitless.recording.errors import RecordingError
from hitless.recording.manifest import CaptureAccount, ClockPairs, Manifest, RecordingPlan
from hitless.recording.marks import compile_marks
from hitless.recording.pcap import PcapWriter


class RecordingWriter:
    """Writes one recording folder; its methods may be called from several threads.

    Whatever ends the run, the manifest is there from the start and says "stopped-by-tester", "not finished" until
    ``finish`` says otherwise. Another process may write counters, probes and clock readings into the same folder and
    append to its lines.
    """

    def __init__(self, folder: Path, plan: RecordingPlan) -> None:
        """Create the folder and its manifest.

        Raises:
            RecordingError: the folder holds a recording already.
            BpfError: a version's filter expression cannot be compiled.
        """
        if (folder / files.MANIFEST).exists():
            raise RecordingError(folder, "folder holds a recording already", "choose another folder or remove it")
        marks = compile_marks(plan.versions, plan.instance_mark)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = threading.Lock()
        self._manifest = Manifest(plan, marks, Ending.STOPPED_BY_TESTER, files.NOT_FINISHED)
        files.write_json(folder / files.MANIFEST, self._manifest.as_data())
        self._lines: dict[str, BinaryIO] = {name: (folder / name).open("ab", buffering=0) for name in files.LINES}
        self._pcap: PcapWriter | None = None
        self._finished = False

    def event(self, event: Event) -> None:
        """Append what the tester did or saw."""
        self._append(files.EVENTS, {"at_ns": event.at_ns, "name": event.name, "detail": dict(event.detail)})

    def operation(self, state: OperationState) -> None:
        """Append a state of a life cycle operation."""
        line = {
            "operation_id": state.operation_id,
            "operation": state.operation,
            "state": state.state,
            "earliest_ns": state.entered.earliest_ns,
            "latest_ns": state.entered.latest_ns,
            "source": state.source,
            "detail": dict(state.detail),
        }
        self._append(files.OPERATIONS, line)

    def snapshot(self, snapshot: Snapshot) -> None:
        """Append a document that was read from MANO; the caller has taken secrets out."""
        line = {
            "kind": snapshot.kind,
            "subject": snapshot.subject,
            "label": snapshot.label,
            "earliest_ns": snapshot.first.earliest_ns,
            "latest_ns": snapshot.first.latest_ns,
            "until_ns": snapshot.until_ns,
            "document": dict(snapshot.document),
        }
        self._append(files.SNAPSHOTS, line)

    def attempt(self, attempt: Attempt) -> None:
        """Append a request whose answer is judged; the caller has taken secrets out."""
        self._append(files.ATTEMPTS, asdict(attempt))

    def http(self, exchange: Mapping[str, Any]) -> None:
        """Append a management request with its answer; the caller has taken secrets out."""
        self._append(files.HTTP, exchange)

    def stall(self, stall: Stall) -> None:
        """Append a stall of a process of the tester."""
        self._append(files.STALLS, asdict(stall))

    def packets(self, packets: Sequence[bytes], times_ns: Sequence[int] | Int64Array) -> None:
        """Append captured probe packets; times are nanoseconds of the generator's uptime clock.

        Not to be used where another process writes the packets: this call begins the file anew.
        """
        with self._lock:
            if self._pcap is None:
                self._pcap = PcapWriter(self.folder / files.PROBES)
            self._pcap.append(packets, times_ns)

    def counters(self, series: CounterSeries) -> None:
        """Write all counter samples so far, in place of what was written before."""
        path = self.folder / files.COUNTERS
        temporary = path.with_name(path.name + ".part")
        with self._lock:
            with temporary.open("wb") as file:
                np.savez(file, **{field.name: getattr(series, field.name) for field in fields(series)})
            temporary.replace(path)

    def captures(self, accounts: Sequence[CaptureAccount]) -> None:
        """Write what became of the captured packets, in place of what was written before."""
        with self._lock:
            files.write_json(self.folder / files.CAPTURES, {"captures": [asdict(account) for account in accounts]})

    def clock(self, pairs: ClockPairs) -> None:
        """Write the readings of the generator's clocks, in place of what was written before."""
        with self._lock:
            files.write_json(self.folder / files.CLOCK, asdict(pairs))

    def finish(self, ending: Ending, reason: str = "") -> None:
        """Close the files and say how the recording ended.

        Raises:
            ValueError: an ending other than COMPLETE without a reason.
        """
        if ending is not Ending.COMPLETE and not reason:
            raise ValueError(
                f"recording - ending without a reason - Expected: why it is {ending.value}, Actual: nothing"
            )
        with self._lock:
            self._close()
            manifest = replace(self._manifest, ending=ending, ending_reason=reason)
            files.write_json(self.folder / files.MANIFEST, manifest.as_data())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish as stopped by the tester if nobody has finished it."""
        if not self._finished:
            reason = files.NOT_FINISHED if error is None else f"{type(error).__name__}: {error}"
            self.finish(Ending.STOPPED_BY_TESTER, reason)

    def _append(self, name: str, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self._lock:
            self._lines[name].write(text.encode())

    def _close(self) -> None:
        for file in self._lines.values():
            file.close()
        if self._pcap is not None:
            self._pcap.close()
        self._finished = True
