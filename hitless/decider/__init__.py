"""The traffic decider's selection rules: set through an adapter, as no ETSI interface does that."""

from __future__ import annotations

from hitless.decider.adapter import Decider, DeciderError, Rule
from hitless.decider.opening import open_decider

__all__ = ["Decider", "DeciderError", "Rule", "open_decider"]
