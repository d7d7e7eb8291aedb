"""One log file per process of the lab, every line with the run's id."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

RUN_ID_VARIABLE = "HITLESS_RUN_ID"
LOG_DIR_VARIABLE = "HITLESS_LOG_DIR"


def configure(process_name: str) -> None:
    """Log to `$HITLESS_LOG_DIR/<process_name>.log`, or to standard error without that variable.

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
    handler = _handler(process_name)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def _handler(process_name: str) -> logging.Handler:
    directory = os.environ.get(LOG_DIR_VARIABLE)
    if not directory:
        return logging.StreamHandler()
    path = Path(directory)
    path.mkdir(parents=True, exist_ok=True)
    return logging.FileHandler(path / f"{process_name}.log")
