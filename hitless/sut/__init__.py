"""What the user declares of the system under test (the ICS/IXIT of ISO/IEC 9646): ``sut.yaml``, validated."""

from __future__ import annotations

from hitless.sut.loading import load, parse
from hitless.sut.model import SystemUnderTest
from hitless.sut.problems import DeclarationError, Problem

__all__ = ["DeclarationError", "Problem", "SystemUnderTest", "load", "parse"]
