"""The life of a VNF LCM operation occurrence as SOL003 has it: states, transitions, tasks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NOT_YET = ""
"""Before an operation is there."""

TRANSITIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        NOT_YET: frozenset({"STARTING"}),
        "STARTING": frozenset({"PROCESSING", "ROLLED_BACK"}),
        "PROCESSING": frozenset({"COMPLETED", "FAILED_TEMP"}),
        "FAILED_TEMP": frozenset({"PROCESSING", "ROLLING_BACK", "FAILED"}),
        "ROLLING_BACK": frozenset({"ROLLED_BACK", "FAILED_TEMP"}),
        "COMPLETED": frozenset(),
        "FAILED": frozenset(),
        "ROLLED_BACK": frozenset(),
    }
)
"""From each state the states that may follow it."""

PERMITTED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "STARTING": frozenset({"cancel"}),
        "PROCESSING": frozenset({"cancel"}),
        "ROLLING_BACK": frozenset({"cancel"}),
        "FAILED_TEMP": frozenset({"retry", "rollback", "fail"}),
        "COMPLETED": frozenset(),
        "FAILED": frozenset(),
        "ROLLED_BACK": frozenset(),
    }
)
"""The tasks that each state permits."""

TARGETS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("cancel", "STARTING"): "ROLLED_BACK",
        ("cancel", "PROCESSING"): "FAILED_TEMP",
        ("cancel", "ROLLING_BACK"): "FAILED_TEMP",
        ("retry", "FAILED_TEMP"): "PROCESSING",
        ("rollback", "FAILED_TEMP"): "ROLLING_BACK",
        ("fail", "FAILED_TEMP"): "FAILED",
    }
)
"""The state that a task leads to from the state in which it is asked for."""

TASKS = ("cancel", "retry", "rollback", "fail")
FINAL_STATES = frozenset({"COMPLETED", "FAILED", "ROLLED_BACK"})
SETTLED_STATES = FINAL_STATES | {"FAILED_TEMP"}
