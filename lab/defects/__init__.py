"""Seeded defects: each replaces parts of the lab so that it breaks one requirement, or just does not.

A defect exists only while a lab is put together. No process learns its name, and nothing can be switched on later.
"""

from __future__ import annotations

from lab.defects.defect import Defect
from lab.defects.registry import REGISTRY

__all__ = ["REGISTRY", "Defect"]
