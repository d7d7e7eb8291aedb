"""Which ranges and lists of values TRex takes for the variables of a field engine."""

from __future__ import annotations

from collections.abc import Iterable

from lab.generator.jsonrpc import bad_parameters

_LARGEST_LIST = 0xFFFF
_LARGEST_64 = 0xFFFFFFFFFFFFFFFF
_NO_CYCLE = "VM: could not pad range to be a true cycle - '(max_value - min_value + 1) % step' should be zero"


def check_range(size: int, bounds: tuple[int, int, int], step: int) -> None:
    """Refuses a range that is empty, does not hold its initial value or does not fit the size.

    Args:
        size: Bytes of the variable.
        bounds: Initial, smallest and largest value.
        step: From run to run.

    Raises:
        RpcError: In TRex's words.
    """
    init, low, high = bounds
    if step == 0:
        raise bad_parameters("VM: step cannot be 0")
    if high < low:
        raise bad_parameters(f"VM: requested flow var max value: '{high}' is smaller than min value: {low}")
    if not low <= init <= high:
        raise bad_parameters(
            f"VM: requested flow var init value: '{init}' should be in range from "
            f"min value '{low}' to max value '{high}'"
        )
    _check_size(size, (*bounds, step))


def _check_size(size: int, values: Iterable[int]) -> None:
    largest = (1 << (8 * size)) - 1
    if max(values) > largest:
        raise bad_parameters(f"VM: requested value is bigger than {largest}")


def check_list(size: int, members: tuple[int, ...], step: int) -> None:
    """Refuses a list that is too long for TRex, or has members that do not fit the size.

    Raises:
        RpcError: In TRex's words.
    """
    if step == 0:
        raise bad_parameters("VM: step cannot be 0")
    if step > len(members):
        raise bad_parameters("VM: step cannot be bigger than list size")
    if len(members) > _LARGEST_LIST:
        raise bad_parameters(f"VM: value_list size is bigger than {_LARGEST_LIST}")
    if min(members) < 0:
        raise bad_parameters("'value_list' has negative value.")
    _check_size(size, members)


def padded_range(op: str, low: int, high: int, step: int) -> tuple[int, int, int]:
    """Smallest and largest value, and the step.

    TRex widens a range until the step divides it, so that the variable comes back to where it was.

    Raises:
        RpcError: There is no room to widen it.
    """
    missing = -(high - low + 1) % step
    if (op == "inc" and high + missing > _LARGEST_64) or (op == "dec" and low < missing):
        raise bad_parameters(_NO_CYCLE)
    if op == "inc":
        return low, high + missing, step
    return low - missing, high, step
