from __future__ import annotations

import numpy as np
import pytest

from hitless.history import AMBIGUOUS, UNMARKED
from hitless.recording.marks import compile_marks, instances_of, versions_of
from tests.core.packets import MAC_A, MAC_B, udp_packet
from tests.core.test_decode import block_of


def packet(**fields):
    ends = {"source": 1, "destination": 2, "source_port": 3, "destination_port": 4}
    return udp_packet(payload=b"x" * 30, **ends, **fields)


VERSIONS = {"1.0": "ip[1] & 0xfc == 0x28", "2.0": "ip[1] & 0xfc == 0x48", "odd": "ip[8] & 1 = 1"}


def test_versions_by_their_filters():
    packets = [packet(tos=0x28), packet(tos=0x49), packet(tos=0), packet(tos=0x28, ttl=63)]
    version = versions_of(compile_marks(VERSIONS, "none"), block_of(packets))
    assert version.tolist() == [0, 1, UNMARKED, AMBIGUOUS]


def test_three_filters_that_match_are_ambiguous_too():
    marks = compile_marks({"a": "udp", "b": "ip", "c": "len > 1"}, "none")
    assert versions_of(marks, block_of([packet()])).tolist() == [AMBIGUOUS]


@pytest.mark.parametrize(
    ("field", "packets", "names", "index"),
    [
        (
            "source_mac",
            [packet(source_mac=MAC_B), packet(source_mac=MAC_A), packet(source_mac=MAC_B)],
            ("02:00:00:01:00:01", "02:00:00:01:00:02"),
            [1, 0, 1],
        ),
        ("ttl", [packet(ttl=64), packet(ttl=9), bytes(60)], ("ttl 9", "ttl 64"), [1, 0, UNMARKED]),
        ("vlan", [packet(vlan=100), packet(), packet(vlan=0x2007)], ("vlan 7", "vlan 100"), [1, UNMARKED, 0]),
        ("dscp", [packet(tos=0x29), packet(tos=0x2A), packet(vlan=3, tos=4)], ("dscp 1", "dscp 10"), [1, 1, 0]),
        ("none", [packet(), packet(ttl=3)], (), [UNMARKED, UNMARKED]),
    ],
)
def test_instances_by_the_values_of_a_field(field, packets, names, index):
    found, numbers = instances_of(compile_marks({}, field), block_of(packets))
    assert found == names
    assert numbers.tolist() == index


def test_no_packets_no_instances():
    found, numbers = instances_of(compile_marks({}, "source_mac"), block_of([]))
    assert found == ()
    assert numbers.dtype == np.int16
    assert len(numbers) == 0


def test_an_unknown_instance_mark_is_refused():
    with pytest.raises(ValueError, match="Actual: colour"):
        compile_marks({}, "colour")
