"""From a package resource without content to one that is on board, or in error."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.nfvo.inventory import Entry, Inventory, InventoryError
from lab.nfvo.onboarding import onboard_directory
from lab.nfvo.operations import Operations
from lab.nfvo.records import PackageRecord
from lab.nfvo.usage import NoUsage
from lab.sol.archive import ArchiveError
from lab.vnf.package import PackageError
from tests.nfvo.sources import CHANGE_LOG, PACKAGES, VNFD_0_9, VNFD_1_0, changed, copy_of, package


def opened(folder: Path) -> Operations:
    return Operations(Inventory(folder), NoUsage())


def states(operations: Operations) -> dict[str, str]:
    return {
        entry.archive.descriptor.software_version: entry.record.operational_state
        for entry in operations.all()
        if entry.archive is not None
    }


def onboard(operations: Operations, content: bytes) -> Entry:
    return operations.upload_and_wait(operations.create({}).id, content)


def test_a_good_package(tmp_path: Path) -> None:
    entry = onboard(opened(tmp_path), package("1.0"))
    assert (entry.record.onboarding_state, entry.record.operational_state) == ("ONBOARDED", "ENABLED")
    assert entry.archive is not None
    assert entry.archive.content == package("1.0")


def test_a_broken_package(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    entry = onboard(operations, changed(lambda files: files.__setitem__(CHANGE_LOG, b"x")))
    assert (entry.record.onboarding_state, entry.record.operational_state) == ("ERROR", "DISABLED")
    assert entry.record.failure is not None
    assert "ChangeLog.txt - wrong checksum" in entry.record.failure["detail"]
    assert entry.archive is None
    good = operations.upload_and_wait(entry.record.id, package("2.0"))
    assert (good.record.onboarding_state, good.record.failure) == ("ONBOARDED", None)


def test_the_same_descriptor_twice(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    first, second = (onboard(operations, package("1.0")) for _ in range(2))
    assert second.record.onboarding_state == "ERROR"
    assert second.record.failure is not None
    assert VNFD_1_0 in second.record.failure["detail"]
    assert operations.onboarded(VNFD_1_0).record.id == first.record.id


def test_a_crash_does_not_leave_a_package_in_processing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_content: bytes) -> None:
        raise MemoryError("too much")

    monkeypatch.setattr("lab.nfvo.operations.open_archive", crash)
    entry = onboard(opened(tmp_path), package("1.0"))
    assert entry.record.failure is not None
    assert "MemoryError: too much" in entry.record.failure["detail"]


def test_states_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operations = opened(tmp_path)
    record = operations.create({})
    seen = [record.onboarding_state]

    def look(_content: bytes) -> None:
        seen.append(operations.package(record.id).record.onboarding_state)
        raise ArchiveError("enough")

    monkeypatch.setattr("lab.nfvo.operations.open_archive", look)
    operations.upload(record.id, b"")
    operations.close()
    seen.append(operations.package(record.id).record.onboarding_state)
    assert seen == ["CREATED", "PROCESSING", "ERROR"]


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    records = [operations.create({"note": version}) for version in ("1.0", "2.0", "none")]
    for record in records[:2]:
        operations.upload_and_wait(record.id, package(str(record.user_defined_data["note"])))
    operations.set_state(records[1].id, "DISABLED")
    again = opened(tmp_path)
    assert again.all() == operations.all()
    assert [entry.record.id for entry in again.all()] == [record.id for record in records]
    assert states(again) == {"1.0": "ENABLED", "2.0": "DISABLED"}


def test_what_is_deleted_stays_deleted(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    package_id = onboard(operations, package("1.0")).record.id
    operations.set_state(package_id, "DISABLED")
    operations.delete(package_id)
    assert operations.all() == []
    assert opened(tmp_path).all() == []


@pytest.mark.parametrize("state", ["UPLOADING", "PROCESSING"])
def test_a_restart_settles_what_was_under_way(tmp_path: Path, state: str) -> None:
    record = PackageRecord.model_validate({"id": "p", "onboarding_state": state})
    Inventory(tmp_path).put(record)
    entry = opened(tmp_path).package("p")
    assert entry.record.onboarding_state == "ERROR"
    assert entry.record.failure is not None
    assert "restart" in entry.record.failure["detail"]


def test_content_changed_behind_our_back_is_noticed(tmp_path: Path) -> None:
    package_id = onboard(opened(tmp_path), package("1.0")).record.id
    (tmp_path / package_id / "content.csar").write_bytes(b"other")
    with pytest.raises(InventoryError, match="changed since it was brought on board"):
        Inventory(tmp_path)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InventoryError, match="file - packages cannot be loaded"):
        Inventory(tmp_path / "file")
    (tmp_path / "folder" / "p").mkdir(parents=True)
    (tmp_path / "folder" / "p" / "record.json").write_text("{}")
    with pytest.raises(InventoryError, match="folder - packages cannot be loaded"):
        Inventory(tmp_path / "folder")


def test_the_directory_of_packages(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    onboard_directory(operations, PACKAGES, ["0.9"])
    expected = dict.fromkeys(("1.0", "1.0.1", "2.0", "2.0-faulty"), "ENABLED") | {"0.9": "DISABLED"}
    assert states(operations) == expected


def test_a_restart_leaves_what_is_on_board_as_it_is(tmp_path: Path) -> None:
    operations = opened(tmp_path)
    onboard_directory(operations, PACKAGES, ["0.9"])
    operations.set_state(operations.onboarded(VNFD_0_9).record.id, "ENABLED")
    operations.set_state(operations.onboarded(VNFD_1_0).record.id, "DISABLED")
    again = opened(tmp_path)
    onboard_directory(again, PACKAGES, ["0.9"])
    assert states(again) == states(operations)
    assert len(again.all()) == 5


def test_directories_that_cannot_be_brought_on_board(tmp_path: Path) -> None:
    operations = opened(tmp_path / "state")
    with pytest.raises(PackageError, match=r"no packages to disable.*7\.1"):
        onboard_directory(operations, PACKAGES, ["7.1"])
    copy_of("1.0", tmp_path / "packages" / "a", {})
    copy_of("1.0", tmp_path / "packages" / "b", {"ChangeLog.txt": ("Changes", "Other changes")})
    with pytest.raises(PackageError, match=r"b - vnfdId .* is that of a package on board"):
        onboard_directory(operations, tmp_path / "packages", [])
