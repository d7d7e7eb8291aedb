"""Sessions on their way between units, without kernel and store."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lab.nfelements import Elements
from lab.vnf.state import Sessions, StateError, decode

OLD = ("user", "userPort")
NEW = ("user", "userPort", "servicePort")
HIGHEST = 0xFFFF_FFFF


def sessions(parts: tuple[str, ...], rows: dict[tuple[int, ...], int]) -> Sessions:
    """Sessions by key, with the milliseconds that each has left."""
    keys = np.array(list(rows), dtype=np.uint32).reshape(len(rows), len(parts))
    return Sessions(parts, keys, np.array(list(rows.values()), dtype=np.int64))


def rows(of: Sessions) -> dict[tuple[int, ...], int]:
    return {tuple(key): left for key, left in zip(of.keys.tolist(), of.remaining_ms.tolist(), strict=True)}


def test_elements_of_the_kernel_lose_their_padding_and_get_it_back() -> None:
    keys = np.array([[0x0A010001, 1024 << 16, 5001 << 16], [HIGHEST, 0xFFFF0000, 0xFFFF0000]], dtype=np.uint32)
    taken = Sessions.from_elements(Elements(keys, np.zeros(2, np.uint32), np.array([5, 6])), NEW)
    assert rows(taken) == {(0x0A010001, 1024, 5001): 5, (HIGHEST, 65535, 65535): 6}
    assert taken.element_keys().tolist() == keys.tolist()
    assert taken.element_keys().dtype == np.uint32


@pytest.mark.parametrize(
    "given",
    [
        sessions(OLD, {(0x0A010001, 1024): 4711, (HIGHEST, 65535): 1}),
        sessions(NEW, {(1, 2, 3): HIGHEST}),
        sessions(NEW, {}),
    ],
)
def test_what_is_written_is_read_back(given: Sessions) -> None:
    read = decode(given.encode())
    assert (read.parts, rows(read)) == (given.parts, rows(given))
    assert (read.keys.dtype, read.keys.shape) == (np.uint32, given.keys.shape)


def test_the_form_is_one_line_of_json_and_columns() -> None:
    line, _, columns = sessions(OLD, {(1, 2): 3, (4, 5): 6}).encode().partition(b"\n")
    assert json.loads(line) == {"schema_version": 1, "parts": ["user", "userPort"], "sessions": 2}
    assert np.frombuffer(columns, "<u4").tolist() == [1, 4, 2, 5, 3, 6]


HEAD = {"schema_version": 1, "parts": ["user"], "sessions": 1}


@pytest.mark.parametrize(
    ("head", "columns", "reason"),
    [
        (b"", b"", "no such head"),
        (b"[]", b"", "no such head"),
        (b"{}", b"", "no such head"),
        (json.dumps({**HEAD, "sessions": "x"}).encode(), b"", "no such head"),
        (json.dumps({**HEAD, "schema_version": 2}).encode(), bytes(8), "Expected: schema_version 1"),
        (json.dumps({**HEAD, "parts": ["colour"]}).encode(), bytes(8), "Expected: schema_version 1"),
        (json.dumps({**HEAD, "parts": []}).encode(), bytes(4), "Expected: schema_version 1"),
        (json.dumps({**HEAD, "sessions": -1}).encode(), b"", "Expected: schema_version 1"),
        (json.dumps(HEAD).encode(), bytes(7), "7 bytes - Expected: 1 sessions of 1 parts"),
        (json.dumps(HEAD).encode(), bytes(12), "12 bytes - Expected: 1 sessions of 1 parts"),
    ],
)
def test_what_nobody_wrote_is_refused(head: bytes, columns: bytes, reason: str) -> None:
    with pytest.raises(StateError, match=reason):
        decode(head + b"\n" + columns)


def test_what_is_too_old_is_over() -> None:
    given = sessions(OLD, {(1, 1): 999, (2, 1): 1000, (3, 1): 1001})
    assert rows(given.aged(0)) == rows(given)
    assert rows(given.aged(1000)) == {(3, 1): 1}


def test_software_that_knows_less_gets_what_it_knows() -> None:
    stored = sessions(NEW, {(1, 1024, 5001): 10, (1, 1024, 5002): 30, (1, 1025, 5001): 20, (2, 1024, 5001): 40})
    known = stored.known_by(OLD)
    assert known is not None
    assert known.parts == OLD
    assert rows(known) == {(1, 1024): 30, (1, 1025): 20, (2, 1024): 40}, "two that cannot be told apart became one"


def test_the_order_of_parts_is_the_reader_s() -> None:
    turned = sessions(OLD, {(1, 1024): 10}).known_by(("userPort", "user"))
    assert turned is not None
    assert rows(turned) == {(1024, 1): 10}


def test_software_that_needs_more_gets_nothing() -> None:
    assert sessions(OLD, {(1, 1024): 10}).known_by(NEW) is None


def test_sessions_of_several_units_are_joined() -> None:
    joined = Sessions.join([sessions(OLD, {(1, 1): 5, (2, 1): 5}), sessions(OLD, {(2, 1): 9, (HIGHEST, 65535): 1})])
    assert rows(joined) == {(1, 1): 5, (2, 1): 9, (HIGHEST, 65535): 1}


def test_news_are_what_is_missing_or_would_end_sooner() -> None:
    known = sessions(OLD, {(5, 1): 100, (1, 1): 100, (9, 1): 100})
    offered = sessions(OLD, {(1, 1): 99, (5, 1): 101, (9, 1): 100, (0, 1): 1, (HIGHEST, 1): 1, (5, 2): 1})
    assert rows(offered.news_for(known)) == {(5, 1): 101, (0, 1): 1, (HIGHEST, 1): 1, (5, 2): 1}


def test_everything_is_news_for_who_has_nothing() -> None:
    offered = sessions(NEW, {(1, 1, 1): 1})
    assert rows(offered.news_for(sessions(NEW, {}))) == rows(offered)
    assert rows(sessions(NEW, {}).news_for(offered)) == {}
