"""Elements of nftables sets and maps, by the thousand: counted, read and added without a step per element."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lab.nfnetlink import MAX_TRANSACTION_BYTES, attribute, attributes, dump, text_value, transact, walk

_NFT_MSG_NEWSETELEM: Final = 12
_NFT_MSG_GETSETELEM: Final = 13
_NFTA_LIST_ELEM: Final = 1
_NFTA_SET_ELEM_LIST_TABLE: Final = 1
_NFTA_SET_ELEM_LIST_SET: Final = 2
_NFTA_SET_ELEM_LIST_ELEMENTS: Final = 3
_NFTA_SET_ELEM_KEY: Final = 1
_NFTA_SET_ELEM_DATA: Final = 2
_NFTA_SET_ELEM_EXPIRATION: Final = 5
_NFTA_SET_ELEM_EXPR: Final = 7
_NFTA_DATA_VALUE: Final = 1
_NFTA_EXPR_DATA: Final = 2
_NFTA_COUNTER_PACKETS: Final = 2
_NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF

_ATTRIBUTE = struct.Struct("=HH")
_MESSAGE_BYTES: Final = 60_000  # the length of an attribute has 16 bits


@dataclass(frozen=True)
class Element:
    """One element of a set.

    Attributes:
        key: The key as nftables holds it, each part padded to 4 bytes, in network order.
        packets: Its counter, or None for a set without counters.
    """

    key: bytes
    packets: int | None


@dataclass(frozen=True)
class Elements:
    """Elements of a set or map, one row each.

    Attributes:
        keys: One column per part of the key, as 32-bit numbers: an address is its number, a port stands in the upper
            16 bits, as nftables pads it.
        marks: Values of a map to marks; 0 in a set.
        remaining_ms: Time until each expires; 0 where elements do not expire.
    """

    keys: NDArray[np.uint32]
    marks: NDArray[np.uint32]
    remaining_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)


def count_elements(table: str, name: str) -> int:
    """Number of elements of a set or map of the netdev family that have not expired."""
    return sum(_count(chunk) for chunk in _element_lists(table, name))


def count_by_mark(table: str, name: str) -> dict[int, int]:
    """How many elements of a map with values of type mark have each value."""
    values, occurrences = np.unique(read_elements(table, name, key_parts=0).marks, return_counts=True)
    return dict(zip(values.tolist(), occurrences.tolist(), strict=True))


def elements(table: str, name: str) -> list[Element]:
    """All elements of a set, decoded one by one: for small sets and for questions that are seldom asked."""
    return [_decode(attributes(payload)) for chunk in _element_lists(table, name) for _, payload in walk(chunk)]


def read_elements(table: str, name: str, *, key_parts: int) -> Elements:
    """All elements of a set or map whose key has `key_parts` parts; 0 leaves the keys out.

    Raises:
        lab.nfnetlink.NfnetlinkError: there is no such set.
    """
    parts = [part for chunk in _element_lists(table, name) for part in _read_chunk(chunk, key_parts)]
    if not parts:
        return Elements(np.zeros((0, key_parts), np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.int64))
    return Elements(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.marks for part in parts]),
        np.concatenate([part.remaining_ms for part in parts]),
    )


def add_elements(table: str, name: str, keys: NDArray[np.uint32], remaining_ms: NDArray[np.int64]) -> None:
    """Add elements to a set with a timeout, each with the time that it has left; those that are there get that time.

    One transaction for up to about 10 000 elements, the kernel's limit for an ordinary user; more take several.

    Raises:
        lab.nfnetlink.NfnetlinkError: refused, for instance because the set is full or a time exceeds its timeout.
    """
    rows = _rows_to_add(keys, remaining_ms)
    row_bytes = rows.shape[1] * rows.itemsize
    per_message, per_transaction = _MESSAGE_BYTES // row_bytes, MAX_TRANSACTION_BYTES // row_bytes
    to = attribute(_NFTA_SET_ELEM_LIST_TABLE, text_value(table)) + attribute(_NFTA_SET_ELEM_LIST_SET, text_value(name))
    for start in range(0, len(rows), per_transaction):
        batch = rows[start : start + per_transaction]
        requests = [
            to + attribute(_NFTA_SET_ELEM_LIST_ELEMENTS | _NESTED, batch[first : first + per_message].tobytes())
            for first in range(0, len(batch), per_message)
        ]
        transact(_NFT_MSG_NEWSETELEM, requests, what=f"set {name} of table {table}, {len(batch)} elements")


def _rows_to_add(keys: NDArray[np.uint32], remaining_ms: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Each element as the words of a nested attribute: its head, the key with two heads, the time with one."""
    count, parts = keys.shape
    key_bytes = 4 * parts
    rows = np.empty((count, 6 + parts), dtype=np.uint32)
    rows[:, 0] = _head(4 * rows.shape[1], _NFTA_LIST_ELEM | _NESTED)
    rows[:, 1] = _head(8 + key_bytes, _NFTA_SET_ELEM_KEY | _NESTED)
    rows[:, 2] = _head(4 + key_bytes, _NFTA_DATA_VALUE)
    rows[:, 3 : 3 + parts] = _swapped(keys)
    rows[:, 3 + parts] = _head(12, _NFTA_SET_ELEM_EXPIRATION)
    rows[:, 4 + parts :] = remaining_ms.astype(">u8").view(np.uint32).reshape(count, 2)
    return rows


def _head(length: int, kind: int) -> int:
    return int.from_bytes(_ATTRIBUTE.pack(length, kind), "little" if _LITTLE else "big")


_LITTLE: Final = bool(np.little_endian)


def _swapped(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """From this machine's order to the network's, or back."""
    return words.byteswap() if _LITTLE else words


def _element_lists(table: str, name: str) -> Iterator[bytes]:
    request = attribute(_NFTA_SET_ELEM_LIST_TABLE, text_value(table)) + attribute(
        _NFTA_SET_ELEM_LIST_SET, text_value(name)
    )
    for message in dump(_NFT_MSG_GETSETELEM, request, what=f"set {name} of table {table}"):
        chunk = attributes(message).get(_NFTA_SET_ELEM_LIST_ELEMENTS)
        if chunk:
            yield chunk


@dataclass(frozen=True)
class _Layout:
    """Where things stand in elements that are all laid out alike, in 32-bit words from an element's head."""

    heads: tuple[int, ...]
    key: int
    data: int | None
    expiration: int | None


def _layout(element: bytes) -> _Layout:
    heads, places = [0], dict[int, int]()
    offset = _ATTRIBUTE.size
    while offset + _ATTRIBUTE.size <= len(element):
        length, kind = _ATTRIBUTE.unpack_from(element, offset)
        word = offset // 4
        heads.append(word)
        # Key and data are nested: behind their own head stands that of the value.
        nested = kind & _TYPE_MASK in {_NFTA_SET_ELEM_KEY, _NFTA_SET_ELEM_DATA}
        heads += [word + 1] if nested else []
        places[kind & _TYPE_MASK] = word + 2 if nested else word + 1
        offset += max((length + 3) & ~3, _ATTRIBUTE.size)
    return _Layout(
        tuple(heads),
        places[_NFTA_SET_ELEM_KEY],
        places.get(_NFTA_SET_ELEM_DATA),
        places.get(_NFTA_SET_ELEM_EXPIRATION),
    )


def _read_chunk(chunk: bytes, key_parts: int) -> Iterator[Elements]:
    """The elements of a chunk, in one go where they are laid out alike, else one by one."""
    length, _ = _ATTRIBUTE.unpack_from(chunk)
    if length % 4 == 0 and len(chunk) % length == 0:
        rows = np.frombuffer(chunk, dtype=np.uint32).reshape(-1, length // 4)
        layout = _layout(chunk[:length])
        heads = rows[:, layout.heads]
        if bool((heads == heads[0]).all()):
            yield _take(rows, layout, key_parts)
            return
    for kind, payload in walk(chunk):
        alone = attribute(kind, payload)
        yield _take(np.frombuffer(alone, dtype=np.uint32).reshape(1, -1), _layout(alone), key_parts)


def _take(rows: NDArray[np.uint32], layout: _Layout, key_parts: int) -> Elements:
    count = len(rows)
    if layout.expiration is None:
        remaining_ms = np.zeros(count, dtype=np.int64)
    else:
        words = np.ascontiguousarray(rows[:, layout.expiration : layout.expiration + 2])
        remaining_ms = words.view(">u8").ravel().astype(np.int64)
    return Elements(
        _swapped(rows[:, layout.key : layout.key + key_parts]),
        np.zeros(count, dtype=np.uint32) if layout.data is None else rows[:, layout.data].copy(),
        remaining_ms,
    )


def _count(chunk: bytes) -> int:
    length, _ = _ATTRIBUTE.unpack_from(chunk)
    if length % 4 == 0 and len(chunk) % length == 0:
        heads = np.frombuffer(chunk, dtype=np.uint32).reshape(-1, length // 4)[:, :2]  # the element's and its key's
        if bool((heads == heads[0]).all()):
            return len(heads)
    return sum(1 for _ in walk(chunk))


def _decode(fields: dict[int, bytes]) -> Element:
    key = attributes(fields[_NFTA_SET_ELEM_KEY])[_NFTA_DATA_VALUE]
    packets: int | None = None
    if _NFTA_SET_ELEM_EXPR in fields:
        expression = attributes(fields[_NFTA_SET_ELEM_EXPR])
        counter = attributes(expression[_NFTA_EXPR_DATA])
        packets = struct.unpack("!Q", counter[_NFTA_COUNTER_PACKETS])[0]
    return Element(key, packets)
