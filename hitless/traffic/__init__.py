"""Traffic by TRex: a worker process that drives the server, and the proxy through which the suite speaks to it."""

from __future__ import annotations

from hitless.traffic.client import PlannedGroup, TrafficGenerator
from hitless.traffic.errors import TrafficError
from hitless.traffic.identity import FieldSurvival, IdentityReport, survey
from hitless.traffic.server import PortInfo, ServerInfo

__all__ = [
    "FieldSurvival",
    "IdentityReport",
    "PlannedGroup",
    "PortInfo",
    "ServerInfo",
    "TrafficError",
    "TrafficGenerator",
    "survey",
]
