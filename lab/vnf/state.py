"""Sessions as units share them: independent of the software that wrote them, and of the one that reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lab.nfelements import Elements
from lab.vnf.package import SESSION_KEY_PARTS

_SCHEMA_VERSION: Final = 1
_KEY_PART_BYTES: Final = 4  # nftables pads each part of a key to this
_NUMBER: Final = np.dtype("<u4")


class StateError(ValueError):
    """What is in the store is not what units write."""


@dataclass(frozen=True)
class Sessions:
    """Sessions of one unit at one moment.

    Attributes:
        parts: What a session is known by, names of `SESSION_KEY_PARTS`.
        keys: One row per session, one column per part: addresses and ports as numbers.
        remaining_ms: Time until each session ends if no packet comes.
    """

    parts: tuple[str, ...]
    keys: NDArray[np.uint32]
    remaining_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def from_elements(cls, elements: Elements, parts: Sequence[str]) -> Sessions:
        """What a unit's nftables set holds."""
        return cls(tuple(parts), elements.keys >> _padding(parts), elements.remaining_ms)

    def element_keys(self) -> NDArray[np.uint32]:
        """The keys as nftables pads them."""
        return self.keys << _padding(self.parts)

    def aged(self, age_ms: int) -> Sessions:
        """The sessions that are left after some time without a packet."""
        left_ms = self.remaining_ms - age_ms
        alive = left_ms > 0
        return Sessions(self.parts, self.keys[alive], left_ms[alive])

    def known_by(self, parts: Sequence[str]) -> Sessions | None:
        """The same sessions for software that knows them by other parts; None if it needs one that is not there.

        Sessions that cannot be told apart by those parts become one, which lasts as long as the longest of them.
        """
        if not set(parts) <= set(self.parts):
            return None
        chosen = Sessions(tuple(parts), self.keys[:, [self.parts.index(part) for part in parts]], self.remaining_ms)
        return _merged(chosen)

    @classmethod
    def join(cls, many: Sequence[Sessions]) -> Sessions:
        """All of some sessions that are known by the same parts; what comes twice lasts as long as the longest."""
        (parts,) = {sessions.parts for sessions in many}
        keys = np.concatenate([sessions.keys for sessions in many])
        return _merged(cls(parts, keys, np.concatenate([sessions.remaining_ms for sessions in many])))

    def news_for(self, known: Sessions) -> Sessions:
        """Those that `known`, of the same parts, lacks or gives less time."""
        if len(known) == 0:
            return self
        ours, theirs = _identities(self), _identities(known)
        order = np.argsort(theirs)
        theirs = theirs[order]
        places = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
        news = (theirs[places] != ours) | (known.remaining_ms[order][places] < self.remaining_ms)
        return Sessions(self.parts, self.keys[news], self.remaining_ms[news])

    def encode(self) -> bytes:
        """One line of JSON, then a column per part and one of remaining times, all 32-bit little endian."""
        head = {"schema_version": _SCHEMA_VERSION, "parts": list(self.parts), "sessions": len(self)}
        columns = np.vstack((self.keys.T, self.remaining_ms[np.newaxis]))
        return json.dumps(head).encode() + b"\n" + columns.astype(_NUMBER).tobytes()


def _identities(sessions: Sessions) -> NDArray[np.uint64]:
    """Each key as one number; all parts together have 64 bits."""
    identities = np.zeros(len(sessions), dtype=np.uint64)
    for column, part in enumerate(sessions.parts):
        identities = identities << np.uint64(8 * SESSION_KEY_PARTS[part]) | sessions.keys[:, column]
    return identities


def _merged(sessions: Sessions) -> Sessions:
    """Without double keys; the longest time counts."""
    _, first, places = np.unique(_identities(sessions), return_index=True, return_inverse=True)
    remaining_ms = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(remaining_ms, places, sessions.remaining_ms)
    return Sessions(sessions.parts, sessions.keys[first], remaining_ms)


def decode(data: bytes) -> Sessions:
    """What `Sessions.encode` wrote.

    Raises:
        StateError: it is something else.
    """
    line, _, columns = data.partition(b"\n")
    parts, count = _head(line)
    if len(columns) != _NUMBER.itemsize * count * (len(parts) + 1):
        raise StateError(f"stored sessions - {len(columns)} bytes - Expected: {count} sessions of {len(parts)} parts")
    numbers = np.frombuffer(columns, dtype=_NUMBER).reshape(len(parts) + 1, count)
    return Sessions(parts, numbers[:-1].T.astype(np.uint32), numbers[-1].astype(np.int64))


def _head(line: bytes) -> tuple[tuple[str, ...], int]:
    try:
        head: Any = json.loads(line)
        version, parts, count = head["schema_version"], tuple(head["parts"]), int(head["sessions"])
    except (ValueError, LookupError, TypeError) as error:
        raise StateError(f"stored sessions - no such head: {line[:80]!r}") from error
    if version != _SCHEMA_VERSION or not set(parts) <= set(SESSION_KEY_PARTS) or not parts or count < 0:
        raise StateError(f"stored sessions - Expected: schema_version {_SCHEMA_VERSION} - Actual: {line[:80]!r}")
    return parts, count


def _padding(parts: Sequence[str]) -> NDArray[np.uint32]:
    """By how many bits each part is shifted in its 4 bytes."""
    return np.array([8 * (_KEY_PART_BYTES - SESSION_KEY_PARTS[part]) for part in parts], dtype=np.uint32)
