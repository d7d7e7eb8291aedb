"""Numbers as verdict messages print them. Bounds are rounded up: a message never claims more than was measured."""

from __future__ import annotations

import math


def count(number: int) -> str:
    """Return a count with thin groups of three digits: ``300 000``."""
    return f"{number:,}".replace(",", " ")


def ratio(value: float) -> str:
    """Return a ratio with three significant digits: ``0.985``, ``1.2e-5``."""
    return _plain_exponent(f"{value:.3g}")


def bound(value: float) -> str:
    """Return an upper bound of a ratio, rounded up to two significant digits: ``1e-5``."""
    if value <= 0.0:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    # The division may land a hair above a whole number that it stands for.
    rounded = math.ceil(value / unit - 1e-9) * unit
    return f"{rounded:.2g}" if rounded >= 0.001 else _plain_exponent(f"{rounded:.1e}")


def percent(value: float) -> str:
    """Return a ratio in percent, rounded down to two digits: ``99.97 %``."""
    return f"{math.floor(value * 10_000 + 1e-9) / 100:.2f} %"


def below(gap_ns: int) -> str:
    """Return an upper bound of a duration, rounded up: ``1 ms``, ``2.1 s``."""
    if gap_ns <= 1_000_000_000:
        return f"{max(1, math.ceil(gap_ns / 1e6))} ms"
    return f"{math.ceil(gap_ns / 1e8) / 10:.1f} s"


def seconds(duration_ns: int) -> str:
    """Return a duration in seconds with one digit."""
    return f"{duration_ns / 1e9:.1f} s"


def _plain_exponent(text: str) -> str:
    mantissa, found, exponent = text.partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}" if found else mantissa
