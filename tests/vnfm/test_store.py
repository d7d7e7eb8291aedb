"""The store keeps what was written, counts versions and takes transactions whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.vnfm.records import AffectedUnit, InstanceRecord, OperationRecord, SubscriptionRecord, UnitRecord
from lab.vnfm.states import OperationState
from lab.vnfm.store import Store, StoreError
from tests.vnfm.fakes import OLD

UNIT = UnitRecord(
    id="u1", name="a-1", vdu_id="gateway", vnfd_id=OLD.vnfd_id, server_id="s1", flavour="gateway.standard", number=3
)


def instance(instance_id: str, **changes: object) -> InstanceRecord:
    record = InstanceRecord(
        id=instance_id, vnfd_id=OLD.vnfd_id, provider="p", product="q", software_version="1.0", vnfd_version="1.0"
    )
    return record.model_copy(update=changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vnfm.sqlite"


def test_unknown_record_is_none(path: Path) -> None:
    store = Store(path)
    assert store.get(InstanceRecord, "nobody") is None
    assert store.get_versioned(InstanceRecord, "nobody") is None
    assert store.all(InstanceRecord) == []
    store.close()


def test_records_survive_reopening(path: Path) -> None:
    written = [
        instance("i1", units=(UNIT,), instantiated=True, metadata={"owner": {"name": "x"}}),
        OperationRecord(
            id="o1",
            state=OperationState.FAILED_TEMP,
            state_entered="2026-01-01T00:00:00.000Z",
            started="2026-01-01T00:00:00.000Z",
            instance_id="i1",
            operation="CHANGE_VNFPKG",
            params={"vnfdId": "d", "additionalParams": {"shares": [0.5, 1.0]}},
            before=instance("i1", instantiated=True),
            affected=(AffectedUnit(unit=UNIT, change="ADDED"),),
            error={"status": 500, "detail": "broken"},
        ),
        SubscriptionRecord(id="s1", callback_uri="http://x/", filter={"operationTypes": ["TERMINATE"]}),
    ]
    store = Store(path)
    for record in written:
        store.put(record)
    store.close()
    store = Store(path)
    assert [store.get(type(record), record.id) for record in written] == written
    store.close()


def test_each_write_raises_the_version_of_its_record_only(path: Path) -> None:
    store = Store(path)
    assert [store.put(instance("i1")), store.put(instance("i1", name="new")), store.put(instance("i2"))] == [1, 2, 1]
    assert store.get_versioned(InstanceRecord, "i1") == (instance("i1", name="new"), 2)
    store.close()


def test_list_keeps_the_order_of_creation(path: Path) -> None:
    store = Store(path)
    for name in ("c", "a", "b"):
        store.put(instance(name))
    store.put(instance("c", name="changed"))
    assert [record.id for record in store.all(InstanceRecord)] == ["c", "a", "b"]
    store.close()


def test_kinds_do_not_meet(path: Path) -> None:
    store = Store(path)
    store.put(instance("same"))
    store.put(SubscriptionRecord(id="same", callback_uri="http://x/"))
    assert store.delete(SubscriptionRecord, "same")
    assert store.get(InstanceRecord, "same") == instance("same")
    store.close()


def test_delete_tells_whether_there_was_something(path: Path) -> None:
    store = Store(path)
    store.put(instance("i1"))
    assert store.delete(InstanceRecord, "i1")
    assert not store.delete(InstanceRecord, "i1")
    assert store.all(InstanceRecord) == []
    store.close()


def test_broken_transaction_leaves_nothing(path: Path) -> None:
    store = Store(path)
    store.put(instance("i1"))

    def break_off() -> None:
        with store.transaction():
            store.put(instance("i1", name="changed"))
            store.put(instance("i2"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert store.all(InstanceRecord) == [instance("i1")]
    store.put(instance("i3"))
    assert len(store.all(InstanceRecord)) == 2
    store.close()


def test_inner_transaction_belongs_to_the_outer(path: Path) -> None:
    store = Store(path)

    def break_off() -> None:
        with store.transaction():
            with store.transaction():
                store.put(instance("i1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert store.all(InstanceRecord) == []
    store.close()


def test_threads_do_not_lose_updates(path: Path) -> None:
    store = Store(path)
    store.put(instance("i1"))

    def count_up() -> None:
        for _ in range(25):
            with store.transaction():
                record = store.get(InstanceRecord, "i1")
                assert record is not None
                store.put(record.model_copy(update={"next_serial": record.next_serial + 1}))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get_versioned(InstanceRecord, "i1") == (instance("i1", next_serial=101), 101)
    store.close()


def test_killed_process_leaves_whole_transactions(path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from lab.vnfm.records import SubscriptionRecord
from lab.vnfm.store import Store
store = Store(Path(sys.argv[1]))
store.put(SubscriptionRecord(id="whole", callback_uri="http://x/"))
with store.transaction():
    store.put(SubscriptionRecord(id="half", callback_uri="http://x/"))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program, os.fspath(path)], check=False)
    assert ended.returncode == -9
    store = Store(path)
    assert [record.id for record in store.all(SubscriptionRecord)] == ["whole"]
    store.close()


def test_file_of_another_version_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"Expected: 2 Actual: 99"):
        Store(path)


def test_record_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        SubscriptionRecord.model_validate({"id": "s", "callback_uri": "http://x/", "surprise": 1})


def test_file_that_is_no_store_is_refused(path: Path) -> None:
    path.write_text("these are notes, not a database " * 100, encoding="utf-8")
    with pytest.raises(StoreError, match=r"vnfm\.sqlite - cannot be used"):
        Store(path)


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "nowhere" / "vnfm.sqlite")
