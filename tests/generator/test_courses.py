from __future__ import annotations

import pytest

from lab.generator.courses import Course, Mode, parse_mode
from lab.generator.jsonrpc import RpcError


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"type": "continuous"}, Mode(None)),
        ({"type": "single_burst", "total_pkts": 5000}, Mode(5000)),
        ({"type": "multi_burst", "pkts_per_burst": 10, "ibg": 1000.0, "count": 3}, Mode(10, 3, 1000.0)),
        ({"type": "multi_burst", "pkts_per_burst": 10, "ibg": 0, "count": 0}, Mode(10, 0)),
    ],
)
def test_every_mode_is_understood(fields, mode):
    assert parse_mode(fields) == mode


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"type": "zigzag"}, "bad stream type provided: 'zigzag'"),
        ({"type": "single_burst", "total_pkts": 0}, "single_burst: 'total_pkts' cannot be zero."),
        ({"type": "single_burst"}, "field 'total_pkts' value is null"),
        ({"type": "multi_burst", "pkts_per_burst": 0, "ibg": 1, "count": 1}, "multi_burst: 'pkts_per_burst' cannot be"),
        ({"type": "multi_burst", "pkts_per_burst": 1, "ibg": -1, "count": 1}, "'ibg' has negative value"),
        ({"type": "multi_burst", "pkts_per_burst": 1, "ibg": 1}, "field 'count' value is null"),
        ({}, "field 'type' value is null"),
    ],
)
def test_mistakes_are_named(fields, text):
    with pytest.raises(RpcError, match=text):
        parse_mode(fields)


@pytest.mark.parametrize(
    ("course", "total", "plain"),
    [
        (Course(1), None, True),
        (Course(1, 10), 10, True),
        (Course(1, 10, 3), 30, False),
        (Course(1, 10, 0), None, False),
        (Course(1, 10, next_id=2), 10, False),
        (Course(1, starts=False), None, False),
        (Course(1, silent=True), None, False),
    ],
)
def test_totals_and_what_is_one_even_row(course, total, plain):
    assert course.total == total
    assert course.plain is plain
