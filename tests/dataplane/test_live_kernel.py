"""What the lab asks of the kernel, against the kernel, in private namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dataplane.sandbox import observe

pytestmark = pytest.mark.namespaces


def test_reading_what_nftables_holds(tmp_path: Path) -> None:
    observed = observe("netlink_scenarios:reading", tmp_path)
    assert observed["empty"] == [0, {}]
    assert observed["pins"] == 5000
    assert observed["by_mark"] == [[mark, 1000] for mark in range(1, 6)]
    assert observed["plain"] == [500, None]
    assert observed["counted"] == [500, 500, 0]
    assert observed["counters"] == {"first": 7, "second": 0}, "those of the other table are not among them"
    assert "set nothing of table gateway - cannot be read: No such file" in observed["missing"]


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    observed = observe("netlink_scenarios:refusing", tmp_path)
    assert "No such file or directory" in observed["reason"]
    assert observed["found"] == {}


def test_devices(tmp_path: Path) -> None:
    observed = observe("netlink_scenarios:devices", tmp_path)
    assert observed["up"] == "up"
    assert observed["left"] == ["lo"]
    assert "device one - request" in observed["reason"]
    assert "No such device" in observed["reason"]
