"""``hitless check``: can everything be reached, do marks appear, does the tester carry the load?"""

from __future__ import annotations

from hitless.preflight.calibration_run import MOST_PERCENT
from hitless.preflight.findings import Finding, Level
from hitless.preflight.run import is_ready, run_preflight

__all__ = ["MOST_PERCENT", "Finding", "Level", "is_ready", "run_preflight"]
