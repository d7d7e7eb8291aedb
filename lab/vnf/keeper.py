"""Keeps a unit's sessions in the shared store, and takes over those of other units."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lab.nfelements import Elements
from lab.vnf.state import Sessions, decode
from lab.vnf.store import Store, StoreError

_LOG = logging.getLogger(__name__)

PERIOD_S: Final = 1.0
"""A unit writes its sessions this often, in seconds."""


class SessionTable(Protocol):
    """The set of sessions in the kernel."""

    def read(self) -> Elements:
        """All live sessions."""

    def add(self, sessions: Sessions) -> None:
        """Add sessions in one transaction, each with the time that it has left."""


@dataclass(frozen=True)
class Adoption:
    """What became of the sessions of other units.

    Attributes:
        sessions: So many were taken over.
        skipped: So many were not, because this software knows sessions by more than their writer stored.
    """

    sessions: int
    skipped: int


@dataclass(frozen=True)
class _Written:
    at_s: float
    sessions: int


class SessionKeeper:
    """Writes the sessions of one unit, reads those of others. Threads may share it."""

    def __init__(
        self,
        number: int,
        parts: Sequence[str],
        table: SessionTable,
        store: Store,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over the parts.

        Args:
            number: The unit's number.
            parts: What its software knows a session by.
            table: Its sessions in the kernel.
            store: Where they are kept.
            clock_s: A monotonic clock in seconds.
        """
        self._number = number
        self._parts = tuple(parts)
        self._table = table
        self._store = store
        self._clock_s = clock_s
        self._writing = threading.Lock()
        self._written: _Written | None = None
        self._trouble: str | None = None

    def flush(self) -> int:
        """Write all sessions; returns how many there are.

        Raises:
            StoreError: the store does not take them.
        """
        with self._writing:
            sessions = Sessions.from_elements(self._table.read(), self._parts)
            try:
                self._store.save(self._number, sessions.encode())
            except StoreError as error:
                self._note(str(error))
                raise
            self._written = _Written(self._clock_s(), len(sessions))
            self._note(None)
            return len(sessions)

    def adopt(self, numbers: Sequence[int]) -> Adoption:
        """Take over the sessions that other units stored, so that packets in their middle pass here from now on.

        Raises:
            StoreError: the store does not answer.
            lab.vnf.state.StateError: it holds something else.
        """
        taken, skipped = list[Sessions](), 0
        for record in self._store.load([number for number in dict.fromkeys(numbers) if number != self._number]):
            stored = decode(record.data).aged(record.age_ms)
            sessions = stored.known_by(self._parts)
            if sessions is None:
                skipped += len(stored)
            else:
                taken.append(sessions)
        count = self._add(Sessions.join(taken)) if taken else 0
        _LOG.info("sessions of units %s: %d taken over, %d skipped", list(numbers), count, skipped)
        return Adoption(count, skipped)

    def _add(self, sessions: Sessions) -> int:
        """Add them; returns how many of them there are, those included that were there already."""
        news = sessions.news_for(Sessions.from_elements(self._table.read(), self._parts))
        if len(news):
            self._table.add(news)
        return len(sessions)

    def keep(self, stop: threading.Event) -> None:
        """Write the sessions every `PERIOD_S` until told to stop; a store that is away is tried again next time."""
        while not stop.wait(PERIOD_S):
            try:
                self.flush()
            except StoreError:  # noted: status() tells it
                continue
            except Exception:  # noqa: BLE001 - keeping state must never end because of one bad moment
                _LOG.exception("sessions could not be stored")

    def status(self) -> dict[str, Any]:
        """Whether the store answers, and what was written last."""
        written = self._written
        return {
            "reachable": written is not None and self._trouble is None,
            "problem": self._trouble,
            "stored_sessions": None if written is None else written.sessions,
            "stored_s_ago": None if written is None else round(self._clock_s() - written.at_s, 3),
        }

    def _note(self, trouble: str | None) -> None:
        if trouble is not None and self._trouble is None:
            _LOG.warning("%s; traffic goes on, its sessions are not stored", trouble)
        if trouble is None and self._trouble is not None:
            _LOG.info("the state store is back")
        self._trouble = trouble
