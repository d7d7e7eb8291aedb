"""What TRex's client library says of a refusal, on one line and without advice that would mislead here. Pure.

The library advises to specify 'force'. It means an argument of its own calls, which nobody can give through the suite:
force, here, is about ports that somebody else owns.
"""

from __future__ import annotations

_NEXT_HOP = (
    "resolve the port's gateway or configure its destination MAC, or give the next hop: --dst-mac-up, --dst-mac-down"
)
_REWORDED = (
    ("check the connection or specify 'force'", "look at the cable, or the device that the port is connected to"),
    ("please resolve them or specify 'force'", _NEXT_HOP),
    ("there are streams without explicit dest MAC.", f"the streams name none - {_NEXT_HOP}"),
    ("please stop them or specify 'force'", "stop what sends there"),
    ("please disable service mode or specify 'force'", "end service mode there"),
)
_MOST_CHARACTERS = 400


def reworded(text: str) -> str:
    """Return what the library says on one line; of a traceback its last line, of any other long text the end."""
    lines = [line for raw in text.replace("***", "").splitlines() if (line := " ".join(raw.split()))]
    if any(line.startswith("Traceback") for line in lines):
        lines = lines[-1:]
    line = " ".join(lines)
    for theirs, ours in _REWORDED:
        line = line.replace(theirs, ours)
    return line if len(line) <= _MOST_CHARACTERS else f"... {line[-_MOST_CHARACTERS:]}"
