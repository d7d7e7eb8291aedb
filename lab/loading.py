"""Implementations named on a command line."""

from __future__ import annotations

import importlib
from typing import Any


def load_part(reference: str) -> Any:
    """Import `module:Name` and return what it names.

    Raises:
        ValueError: it is not of that form, or there is no such module or name.
    """
    module_name, separator, attribute = reference.partition(":")
    if not separator or not module_name or not attribute:
        raise ValueError(f"implementation - Expected: module:Name - Actual: {reference!r}")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"implementation {reference} - cannot be loaded: {error}") from error
