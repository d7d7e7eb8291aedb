"""What TRex's library says of a refusal, and what is passed on of it."""

from __future__ import annotations

import pytest

from hitless.traffic.refusals import reworded

NEXT_HOP = "or give the next hop: --dst-mac-up, --dst-mac-down"


@pytest.mark.parametrize(
    ("said", "passed_on"),
    [
        ("*** port(s) [0]: link is DOWN - check the connection or specify 'force' ***", "look at the cable"),
        ("port(s) [1]: must have resolved destination address - please resolve them or specify 'force'", NEXT_HOP),
        ("Port 0 dest MAC is invalid and there are streams without explicit dest MAC.", NEXT_HOP),
        ("port(s) [0]: are active - please stop them or specify 'force'", "stop what sends there"),
        ("cannot be under service mode - please disable service mode or specify 'force'", "end service mode there"),
    ],
)
def test_nobody_is_told_to_force_what_cannot_be_forced(said, passed_on):
    assert passed_on in reworded(said)
    assert "force" not in reworded(said)
    assert "***" not in reworded(said)


def test_what_is_wrong_stays():
    assert reworded("port(s) [0]: link is DOWN - check the connection or specify 'force'").startswith(
        "port(s) [0]: link is DOWN - "
    )
    assert reworded("Port is already taken by 'alice'") == "Port is already taken by 'alice'"


def test_a_text_of_many_lines_becomes_one():
    assert reworded("  one\n  two\n") == "one two"


def test_of_a_traceback_the_last_line_is_told():
    text = (
        "*** load\nTraceback (most recent call last):\n" + "  File x, line 1\n" * 200 + "ValueError: no MAC: zz ***\n\n"
    )
    assert reworded(text) == "ValueError: no MAC: zz"


def test_of_another_long_text_the_end_is_told():
    found = reworded("word " * 1000 + "the end")
    assert found.startswith("... ")
    assert found.endswith("the end")
    assert len(found) < 450
