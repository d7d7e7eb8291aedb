"""Recordings: a folder with everything that was seen in one run of a procedure, from which verdicts are made."""

from __future__ import annotations

from hitless.recording.errors import RecordingError
from hitless.recording.loader import load
from hitless.recording.manifest import CaptureAccount, ClockPairs, RecordingPlan
from hitless.recording.pcap import PacketBlock, PcapWriter, read_packets
from hitless.recording.store import RecordingStore, recording_key
from hitless.recording.writer import RecordingWriter

__all__ = [
    "CaptureAccount",
    "ClockPairs",
    "PacketBlock",
    "PcapWriter",
    "RecordingError",
    "RecordingPlan",
    "RecordingStore",
    "RecordingWriter",
    "load",
    "read_packets",
    "recording_key",
]
