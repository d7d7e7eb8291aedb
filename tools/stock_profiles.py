"""Which of TRex's stock stateless profiles the embedded generator serves.

TRex keeps its profiles in `scripts/stl`. Each is loaded by TRex's own client library, for both directions, and what it
would send to the server is given to the generator's parser; nothing is sent. A profile is served if its streams are
accepted, a start of them is, and their first packets can be made and planned.

    python tools/stock_profiles.py FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitless.traffic.trex_shim import import_trex
from lab.generator import streams
from lab.generator.batches import render
from lab.generator.counters import NO_GROUP
from lab.generator.frames import LATENCY_IP_ID, PortAddresses, with_addresses, with_mark
from lab.generator.jsonrpc import RpcError
from lab.generator.lanes import lanes_of
from lab.generator.messages import LatencyTag, Start, StreamPlan
from lab.generator.schedule import Timeline

_LARGEST_FRAME = 9238
_ADDRESSES = PortAddresses(b"\2\0\0\0\0\x10", b"\2\0\0\0\0\x11")
_PACKETS = 10


@dataclass(frozen=True)
class Row:
    """What became of a profile.

    Attributes:
        profile: Its path in the folder.
        streams: How many streams it has in both directions.
        problem: Why it is not served, "" if it is.
        loads: Whether the client library could load it at all.
    """

    profile: str
    streams: int
    problem: str
    loads: bool = True

    @property
    def verdict(self) -> str:
        """One word or two."""
        if not self.loads:
            return "not loaded"
        return "not served" if self.problem else "served"


def requests_of(profile: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Stream ids and `stream` objects as the client library sends them."""
    found = list(profile.get_streams())
    names = [stream.get_name() if stream.get_name() is not None else id(stream) for stream in found]
    ids = {name: stream.get_id() or number for number, (name, stream) in enumerate(zip(names, found, strict=True), 1)}
    if len(ids) < len(found):
        raise ValueError("multiple streams with duplicate name")
    requests: list[tuple[int, Mapping[str, Any]]] = []
    for name, stream in zip(names, found, strict=True):
        following = stream.get_next()
        content = dict(stream.to_json()) | {"next_stream_id": ids[following] if following else -1}
        requests.append((ids[name], content))
    return requests


def serve(requests: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Takes the way of `add_stream` and `start_traffic`, up to the first packets.

    Raises:
        RpcError: The generator refuses.
    """
    parsed = [streams.parse(stream_id, content, _LARGEST_FRAME) for stream_id, content in requests]
    playing = [stream for stream in parsed if stream.plays]
    factor = streams.multiplied(playing, "raw", 1.0)
    streams.l1_bps(playing, factor)
    plans = tuple(_plan(stream) for stream in playing)
    lanes, _ = lanes_of(Start((0, "_"), 1, plans, 0, None))
    timeline = Timeline([lane for lane, _ in lanes])
    timeline.plan(0)
    render(timeline.window, [plan for _, plan in lanes])
    for plan in plans:
        plan.program.run(plan.template, 0, _PACKETS)


def _plan(stream: streams.Stream) -> StreamPlan:
    frame = with_addresses(stream.frame, _ADDRESSES, stream.flags)
    if stream.statistics is not None:
        frame = with_mark(frame, stream.layers.l3_at, LATENCY_IP_ID)
    tag = LatencyTag(0, 1) if stream.is_latency else None
    gap_ns = round(stream.gap_us * 1000)
    # Slow, so that the window stays small whatever the profile asks for.
    pps = min(stream.rate_pps, 1000.0)
    return StreamPlan(frame, stream.program, pps, gap_ns, stream.total, NO_GROUP, tag, stream.scaled)


def examine(path: Path, folder: Path, trex: Any) -> Row:
    """Loads a profile and serves it."""
    name = str(path.relative_to(folder))
    requests: list[tuple[int, Mapping[str, Any]]] = []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            both = [trex.STLProfile.load(str(path), direction=port, port_id=port) for port in (0, 1)]
            directions = [requests_of(profile) for profile in both]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a profile is a program and may raise anything
        return Row(name, 0, _one_line(error), loads=False)
    for requests in directions:
        try:
            serve(requests)
        except RpcError as error:
            return Row(name, sum(map(len, directions)), _one_line(error.specific or error.message))
    return Row(name, sum(map(len, directions)), "")


def _one_line(problem: object) -> str:
    text = " ".join(str(problem).split())
    return text or type(problem).__name__


def examined(folder: Path) -> Iterator[Row]:
    """Every profile below a folder."""
    trex = import_trex()
    # Some profiles name their pcap files from TRex's own folder, which is the parent of `stl`.
    with _inside(folder.parent):
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.yaml")]):
            yield examine(path, folder, trex)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 0 if every profile that can be loaded is served."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="TRex's scripts/stl")
    folder = parser.parse_args(arguments).folder.resolve()
    if not folder.is_dir():
        parser.error(f"{folder} - no such folder. Expected: scripts/stl of TRex's source")
    rows = list(examined(folder))
    for row in rows:
        print(f"{row.profile:<48} {row.streams:>5}  {row.verdict:<11} {row.problem[:150]}".rstrip())
    counts = Counter(row.verdict for row in rows)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts["not served"] else 0


if __name__ == "__main__":
    sys.exit(main())
