"""``hitless check``: can everything be reached, do marks appear, does the tester carry the load?"""

from __future__ import annotations

from hitless.preflight.findings import Finding, Level
from hitless.preflight.run import is_ready, run_preflight

__all__ = ["Finding", "Level", "is_ready", "run_preflight"]
