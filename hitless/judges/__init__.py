"""Judges: one pure function per requirement, from a history and its limits to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hitless.history import History
from hitless.judges.cap_01 import judge_cap_01
from hitless.judges.trf_01 import judge_trf_01
from hitless.verdict import Verdict

Judge = Callable[[History, Mapping[str, float]], Verdict]

JUDGES: Mapping[str, Judge] = MappingProxyType({"RQ-CAP-01": judge_cap_01, "RQ-TRF-01": judge_trf_01})
"""The judge of each requirement, by its full id."""

__all__ = ["JUDGES", "Judge", "judge_cap_01", "judge_trf_01"]
