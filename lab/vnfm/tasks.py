"""Which tasks an operation occurrence offers: what its state permits, less what its kind does not support."""

from __future__ import annotations

from typing import Final

from lab.vnfm import states
from lab.vnfm.records import OperationRecord

_UNDONE: Final = frozenset({"INSTANTIATE", "CHANGE_VNFPKG"})
"""Operations whose beginnings can be undone without loss; what removes something cannot bring it back as it was."""


def can_be_rolled_back(record: OperationRecord) -> bool:
    """Tell whether a rollback is supported: not for what takes units away, nor for healing and operating."""
    return record.operation in _UNDONE or (record.operation == "SCALE" and record.params.get("type") == "SCALE_OUT")


def tasks_offered(record: OperationRecord) -> frozenset[str]:
    """Return the names of the tasks that the consumer may ask for now."""
    permitted = states.tasks_permitted(record.state)
    return permitted if can_be_rolled_back(record) else permitted - {"rollback"}
