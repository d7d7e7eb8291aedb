"""Small helpers: logs, loading of parts, nft, devices, decoding of netlink."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab import logs, nfelements, nfnetlink, nft
from lab.controller.buckets import BitReversedHash
from lab.devices import NetworkError, await_devices, decider_devices, unit_mac
from lab.loading import load_part
from lab.network import drop_rules


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield root
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("root_logger")
def test_every_line_of_a_log_has_the_run_s_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITLESS_RUN_ID", "run-7")
    monkeypatch.setenv("HITLESS_LOG_DIR", str(tmp_path / "logs"))
    logs.configure("decider")
    logging.getLogger("lab.x").info("one %d", 1)
    logging.getLogger("lab.y").debug("not of interest")
    (line,) = (tmp_path / "logs" / "decider.log").read_text().splitlines()
    assert " run=run-7 decider[" in line
    assert line.endswith("INFO lab.x: one 1")


@pytest.mark.usefixtures("root_logger")
def test_configuring_again_replaces_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITLESS_LOG_DIR", str(tmp_path))
    logs.configure("first")
    logs.configure("second")
    logging.getLogger().warning("here")
    assert (tmp_path / "first.log").read_text() == ""
    assert "here" in (tmp_path / "second.log").read_text()


def test_without_a_directory_logs_go_to_standard_error(
    root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HITLESS_LOG_DIR", raising=False)
    logs.configure("decider")
    assert [type(handler) for handler in root_logger.handlers] == [logging.StreamHandler]


def test_parts_are_loaded_by_name() -> None:
    assert load_part("lab.controller.buckets:BitReversedHash") is BitReversedHash


@pytest.mark.parametrize("reference", ["lab.controller.buckets", ":X", "lab.controller.buckets:", ""])
def test_references_of_another_form_are_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="Expected: module:Name"):
        load_part(reference)


@pytest.mark.parametrize("reference", ["lab.no_such:X", "lab.controller.buckets:NoSuch"])
def test_parts_that_are_not_there_are_named(reference: str) -> None:
    with pytest.raises(ValueError, match=f"{reference} - cannot be loaded"):
        load_part(reference)


def test_units_have_addresses_and_devices_by_number() -> None:
    assert unit_mac(1) == "02:00:00:01:00:01"
    assert unit_mac(255) == "02:00:00:01:00:ff"
    assert decider_devices(12) == ("a12", "c12")


def test_waiting_for_devices_ends() -> None:
    await_devices(["lo"], timeout_s=0)
    with pytest.raises(NetworkError, match="devices nowhere - not there"):
        await_devices(["lo", "nowhere"], timeout_s=0)


def test_the_tester_s_ports_drop_everything() -> None:
    text = drop_rules(["p0", "p1"])
    for port in ("p0", "p1"):
        assert f'device "{port}" priority 0; policy drop;' in text


def test_nft_is_found_outside_of_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert nft.find_nft().endswith("/nft")


def test_a_missing_nft_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(nft.NftError, match="install the package nftables"):
        nft.find_nft()


def fake_nft(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_ruleset_goes_to_standard_input_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nft(tmp_path, f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/input', monkeypatch)
    nft.commit("table netdev x\n")
    assert (tmp_path / "arguments").read_text() == "-f -\n"
    assert (tmp_path / "input").read_text() == "table netdev x\n"


def test_a_rejected_ruleset_is_told_briefly_and_logged_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_nft(tmp_path, "cat > /dev/null; printf 'Error: no such thing%2000s' x >&2; exit 1", monkeypatch)
    with pytest.raises(nft.NftError, match="ruleset rejected: Error: no such thing") as error:
        nft.commit("table netdev x\n")
    assert len(str(error.value)) < 1000
    assert "table netdev x" in caplog.text


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def element(key: bytes, mark: int, *, extra: bytes = b"") -> bytes:
    body = attribute(1, attribute(1, key)) + attribute(2, attribute(1, struct.pack("=I", mark))) + extra
    return attribute(1 | 0x8000, body)


def test_attributes_are_cut_at_their_padded_ends() -> None:
    data = attribute(3, b"abc") + attribute(4 | 0x8000, b"") + attribute(5, b"12345678")
    assert nfnetlink.attributes(data) == {3: b"abc", 4: b"", 5: b"12345678"}


def marks(chunk: bytes) -> list[int]:
    return [mark for part in nfelements._read_chunk(chunk, 0) for mark in part.marks.tolist()]


def test_marks_of_elements_that_are_all_alike() -> None:
    chunk = b"".join(element(bytes([10, 1, 0, n]), n % 3) for n in range(9))
    assert nfelements._count(chunk) == 9
    assert marks(chunk) == [0, 1, 2] * 3
    assert len(list(nfelements._read_chunk(chunk, 0))) == 1, "all at once"


@pytest.mark.parametrize("odd_first", [True, False])
def test_marks_of_elements_of_different_layout(*, odd_first: bool) -> None:
    plain = element(bytes(4), 1) + element(bytes(4), 2)
    odd = element(bytes(4), 7, extra=attribute(4, bytes(8)))
    chunk = odd + plain if odd_first else plain + odd
    assert nfelements._count(chunk) == 3
    assert sorted(marks(chunk)) == [1, 2, 7]


def test_same_length_does_not_mean_same_layout() -> None:
    """A key of 8 bytes and a value, beside a key of 4, a value and something of 4 bytes more."""
    chunk = element(bytes(8), 5) + element(bytes(4), 6, extra=struct.pack("=HH", 4, 99))
    assert nfelements._count(chunk) == 2
    assert marks(chunk) == [5, 6]


def test_keys_and_remaining_times() -> None:
    left = [attribute(5, struct.pack("!Q", ms)) for ms in (4999, 70_000)]
    keys = [bytes([10, 1, 0, n]) + (5001).to_bytes(2, "big") + bytes(2) for n in (1, 2)]
    chunk = element(keys[0], 5, extra=left[0]) + element(keys[1], 6, extra=left[1])
    (table,) = nfelements._read_chunk(chunk, 2)
    assert table.keys.tolist() == [[0x0A010001, 5001 << 16], [0x0A010002, 5001 << 16]]
    assert (table.marks.tolist(), table.remaining_ms.tolist()) == ([5, 6], [4999, 70_000])


def test_elements_to_add_read_back_as_they_were() -> None:
    keys = np.array([[0x0A010001, 1024 << 16], [0x0A0100FF, 65535 << 16]], dtype=np.uint32)
    rows = nfelements._rows_to_add(keys, np.array([1, 4_294_967_296]))
    (table,) = nfelements._read_chunk(rows.tobytes(), 2)
    assert table.keys.tolist() == keys.tolist()
    assert table.remaining_ms.tolist() == [1, 4_294_967_296]
    assert table.marks.tolist() == [0, 0]
