from __future__ import annotations

import pytest

from lab.generator.bounded import LARGEST_16, LARGEST_32, LARGEST_64, duration_or_rate, signed, up_to
from lab.generator.jsonrpc import RpcError


@pytest.mark.parametrize("largest", [LARGEST_16, LARGEST_32, LARGEST_64])
def test_numbers_up_to_the_largest_pass(largest):
    assert up_to(largest, {"x": largest}, "x") == largest
    assert up_to(largest, {"x": 0}, "x") == 0
    with pytest.raises(RpcError, match=f"'x' is 'uint', expecting 'uint{largest.bit_length()}'"):
        up_to(largest, {"x": largest + 1}, "x")


def test_defaults_stand_for_what_is_missing_or_null():
    assert up_to(LARGEST_16, {}, "x", 7) == up_to(LARGEST_16, {"x": None}, "x", 7) == 7
    assert signed({}, "x", -1) == -1
    with pytest.raises(RpcError, match="field 'x' value is null"):
        up_to(LARGEST_16, {}, "x")


@pytest.mark.parametrize("value", [-(1 << 31), -1, 0, (1 << 31) - 1])
def test_signed_numbers_have_32_bits(value):
    assert signed({"x": value}, "x") == value


@pytest.mark.parametrize("value", [-(1 << 31) - 1, 1 << 31])
def test_what_is_beyond_32_bits_is_refused(value):
    with pytest.raises(RpcError, match="'x' is 'uint', expecting 'int'"):
        signed({"x": value}, "x")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, None, "1"])
def test_times_and_rates_are_finite(value):
    assert duration_or_rate({"x": 2.5}, "x") == 2.5
    with pytest.raises(RpcError, match="x"):
        duration_or_rate({"x": value}, "x")
