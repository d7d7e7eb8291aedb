"""Numbers of a request that have to fit into one of TRex's types."""

from __future__ import annotations

import math

from lab.generator import arguments
from lab.generator.arguments import Fields
from lab.generator.jsonrpc import bad_field, bad_parameters

LARGEST_16 = 0xFFFF
LARGEST_32 = 0xFFFFFFFF
LARGEST_64 = 0xFFFFFFFFFFFFFFFF
_LARGEST_SIGNED_32 = 0x7FFFFFFF


def up_to(largest: int, fields: Fields, name: str, default: int | None = None) -> int:
    """A whole number from 0 to one of the largest values above.

    Raises:
        RpcError: It is missing without a default, no whole number or out of range.
    """
    if default is not None and fields.get(name) is None:
        return default
    value = arguments.unsigned(fields, name)
    if value > largest:
        raise bad_field(fields, name, f"is 'uint', expecting 'uint{largest.bit_length()}'")
    return value


def signed(fields: Fields, name: str, default: int | None = None) -> int:
    """A whole number of 32 bits.

    Raises:
        RpcError: It is missing without a default, no whole number or out of range.
    """
    value = arguments.integer(fields, name, default)
    if not -_LARGEST_SIGNED_32 - 1 <= value <= _LARGEST_SIGNED_32:
        raise bad_field(fields, name, "is 'uint', expecting 'int'")
    return value


def duration_or_rate(fields: Fields, name: str) -> float:
    """A finite number that is not negative.

    Raises:
        RpcError: It is missing, no number, negative or not finite.
    """
    value = arguments.unsigned_number(fields, name)
    if not math.isfinite(value):
        raise bad_parameters(f"'{name}' is not finite.")
    return value
