"""Keeps the recordings that `make defects` made, packed, as the histories that judges are tested on.

Usage: python -m tests.stored.store reports/defects
"""

from __future__ import annotations

import sys
from pathlib import Path

from hitless.judging import recordings_below
from hitless.recording import load
from tests.stored.packing import pack

HERE = Path(__file__).resolve().parent


def main(reports: Path) -> None:
    """Pack the first recording of each defect, the one that its requirement is judged on first."""
    for folder in sorted(path for path in reports.iterdir() if path.is_dir()):
        recordings = recordings_below(folder)
        if not recordings:
            continue
        data = pack(load(first(recordings)))
        target = HERE / f"{folder.name}.history.xz"
        target.write_bytes(data)
        sys.stdout.write(f"{target.name}: {len(data) / 1024:.0f} KiB from {first(recordings).name}\n")


def first(recordings: tuple[Path, ...]) -> Path:
    """Return the recording that was made first."""
    return min(recordings, key=lambda path: (path / "events.jsonl").read_text().partition("\n")[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
