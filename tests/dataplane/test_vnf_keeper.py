"""Writing sessions and taking over those of others, without kernel and store."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from lab.nfelements import Elements
from lab.vnf import keeper as keeper_module
from lab.vnf.keeper import Adoption, SessionKeeper
from lab.vnf.state import Sessions, StateError, decode
from lab.vnf.store import Record, StoreError
from tests.dataplane.test_vnf_state import NEW, OLD, rows, sessions


class FakeTable:
    """The kernel's set."""

    def __init__(self, held: Sessions) -> None:
        self.held = held
        self.added: list[Sessions] = []

    def read(self) -> Elements:
        return Elements(self.held.element_keys(), np.zeros(len(self.held), np.uint32), self.held.remaining_ms)

    def add(self, more: Sessions) -> None:
        self.added.append(more)


class FakeStore:
    def __init__(self) -> None:
        self.records: dict[int, tuple[bytes, int]] = {}
        self.asked: list[list[int]] = []
        self.away = False

    def save(self, number: int, data: bytes) -> None:
        self.check()
        self.records[number] = (data, 0)

    def load(self, numbers: Sequence[int]) -> list[Record]:
        self.check()
        self.asked.append(list(numbers))
        return [Record(number, *self.records[number]) for number in numbers if number in self.records]

    def check(self) -> None:
        if self.away:
            raise StoreError("state store - away")


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table() -> FakeTable:
    return FakeTable(sessions(OLD, {(1, 1024): 4000, (2, 1024): 100}))


@pytest.fixture
def keeper(table: FakeTable, store: FakeStore, clock: FakeClock) -> SessionKeeper:
    return SessionKeeper(3, OLD, table, store, clock_s=clock)


def test_flush_writes_what_the_kernel_holds(keeper: SessionKeeper, table: FakeTable, store: FakeStore) -> None:
    assert keeper.flush() == 2
    assert list(store.records) == [3]
    written = decode(store.records[3][0])
    assert (written.parts, rows(written)) == (OLD, rows(table.held))


def test_status_before_and_after_writing(keeper: SessionKeeper, clock: FakeClock) -> None:
    nothing = {"reachable": False, "problem": None, "stored_sessions": None, "stored_s_ago": None}
    assert keeper.status() == nothing
    keeper.flush()
    clock.now_s += 0.75
    assert keeper.status() == {"reachable": True, "problem": None, "stored_sessions": 2, "stored_s_ago": 0.75}


def test_a_store_that_is_away_is_told_and_so_is_its_return(
    keeper: SessionKeeper, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.flush()
    store.away = True
    with caplog.at_level("INFO"):
        for _ in range(3):
            with pytest.raises(StoreError):
                keeper.flush()
        assert keeper.status()["reachable"] is False
        assert keeper.status()["problem"] == "state store - away"
        store.away = False
        keeper.flush()
    assert keeper.status()["reachable"] is True
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"], "not once a second"


def test_adopting_adds_what_others_stored(keeper: SessionKeeper, table: FakeTable, store: FakeStore) -> None:
    store.records[4] = (sessions(NEW, {(7, 1024, 5001): 3000, (8, 1024, 5001): 1000}).encode(), 1500)
    store.records[5] = (sessions(OLD, {(9, 1030): 5000, (7, 1024): 2000}).encode(), 0)
    assert keeper.adopt([4, 5, 6]) == Adoption(sessions=2, skipped=0)
    (added,) = table.added
    assert rows(added) == {(7, 1024): 2000, (9, 1030): 5000}, "8 had ended, and 7 counts once"
    assert store.asked == [[4, 5, 6]]


def test_what_it_holds_itself_is_not_made_older(keeper: SessionKeeper, table: FakeTable, store: FakeStore) -> None:
    store.records[4] = (sessions(OLD, {(1, 1024): 3999, (2, 1024): 101}).encode(), 0)
    assert keeper.adopt([4]) == Adoption(sessions=2, skipped=0)
    (added,) = table.added
    assert rows(added) == {(2, 1024): 101}


def test_nothing_to_add_is_no_transaction(keeper: SessionKeeper, table: FakeTable, store: FakeStore) -> None:
    store.records[4] = (sessions(OLD, {(1, 1024): 1}).encode(), 0)
    store.records[5] = (sessions(OLD, {}).encode(), 0)
    assert keeper.adopt([4, 5, 6]) == Adoption(sessions=1, skipped=0)
    assert table.added == []


def test_its_own_record_and_doubles_are_not_asked_for(keeper: SessionKeeper, store: FakeStore) -> None:
    keeper.adopt([3, 4, 4])
    assert store.asked == [[4]]


def test_sessions_that_the_software_cannot_know_are_skipped_and_counted(store: FakeStore) -> None:
    table = FakeTable(sessions(NEW, {}))
    store.records[4] = (sessions(OLD, {(7, 1024): 3000, (8, 1024): 1000}).encode(), 2000)
    store.records[5] = (sessions(NEW, {(9, 1024, 5001): 3000}).encode(), 0)
    assert SessionKeeper(3, NEW, table, store).adopt([4, 5]) == Adoption(sessions=1, skipped=1)
    (added,) = table.added
    assert rows(added) == {(9, 1024, 5001): 3000}


def test_adopting_says_what_stands_in_the_way(keeper: SessionKeeper, table: FakeTable, store: FakeStore) -> None:
    store.records[4] = (b"something else", 0)
    with pytest.raises(StateError):
        keeper.adopt([4])
    store.away = True
    with pytest.raises(StoreError):
        keeper.adopt([4])
    assert table.added == []


class Turns(threading.Event):
    """Lets a loop turn some times."""

    def __init__(self, turns: list[object]) -> None:
        super().__init__()
        self.turns = turns
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if not self.turns:
            return True
        prepare = self.turns.pop(0)
        if callable(prepare):
            prepare()
        return False


def test_it_writes_every_second_whatever_happens(
    keeper: SessionKeeper, table: FakeTable, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bool] = []

    def away() -> None:
        store.away = True

    def back() -> None:
        seen.append(bool(keeper.status()["reachable"]))
        store.away = False
        table.held = sessions(NEW, {(1, 2, 3): 4})  # rows that do not fit its key

    def mended() -> None:
        table.held = sessions(OLD, {(1, 2): 4})

    turns = Turns([None, away, back, mended])
    keeper.keep(turns)
    assert turns.waited == [keeper_module.PERIOD_S] * 5
    assert seen == [False]
    assert "sessions could not be stored" in caplog.text
    assert rows(decode(store.records[3][0])) == {(1, 2): 4}
