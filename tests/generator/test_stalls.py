"""A busy machine may stop any process for a while; the accounts have to stay right."""

from __future__ import annotations

import pytest

from tests.generator import sandbox

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return sandbox.run("stalls", tmp_path_factory.mktemp("stalls"))


@pytest.mark.parametrize(("case", "total"), [("receiver", 10_000), ("sender, short", 5_000), ("sender, long", 5_000)])
def test_stalls_lose_and_repeat_nothing(seen, case, total):
    run = seen[case]
    assert run["sent"] == run["received"] == [total, total // 10]
    assert run["errors"] == {}
    assert run["ierrors"] == 0


def test_a_long_stall_of_the_sender_makes_the_run_longer(seen):
    # One second planned, one second of stall, of which a quarter is caught up; a busy machine can only add to it.
    assert seen["sender, long"]["took_s"] > 1.6
