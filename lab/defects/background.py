"""Work that goes on after an operation has been declared complete."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lab.vnfm.procedure import Cancelled, Interrupted

_LOG = logging.getLogger(__name__)


def in_background(work: Callable[[], None]) -> threading.Thread:
    """Start `work` in a thread that nobody waits for; what goes wrong in it goes to the log alone."""
    thread = threading.Thread(target=_quietly, args=(work,), name="background", daemon=True)
    thread.start()
    return thread


def _quietly(work: Callable[[], None]) -> None:
    try:
        work()
    except (Interrupted, Cancelled):
        _LOG.info("background work - ended with the VNFM")
    except Exception:  # noqa: BLE001 - nobody waits for it, so nobody else can tell
        _LOG.exception("background work - failed")
