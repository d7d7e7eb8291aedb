"""One log file per process of the tester, every line with the run's id."""

from __future__ import annotations

import logging
import os
import secrets
import time
from pathlib import Path

RUN_ID_VARIABLE = "HITLESS_RUN_ID"
"""Environment variable with the run's id; every process of a run has it, so that left-overs can be found by it."""


def ensure_run_id() -> str:
    """Return the id of this run; makes one, which child processes inherit, unless whoever started us has."""
    return os.environ.setdefault(RUN_ID_VARIABLE, secrets.token_hex(6))


def configure(process_name: str, path: Path | None = None) -> None:
    """Log to a file, or to standard error where that already leads to one.

    Times are UTC, so that logs of several processes can be sorted together.

    Raises:
        OSError: the log file cannot be opened.
    """
    run_id = os.environ.get(RUN_ID_VARIABLE, "-")
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ run={run_id} {process_name}[%(process)d] %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler() if path is None else logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
