from __future__ import annotations

import re
import struct

import numpy as np
import pytest

from benchmarks import packets, setgroups, tools, wire
from benchmarks.generator import LATENCY, stream
from benchmarks.packets import SIZES
from hitless.recording.headers import udp_packets
from hitless.recording.pcap import PacketBlock, read_packets


@pytest.mark.parametrize("size", SIZES)
def test_frames_are_udp_of_exactly_that_size_with_a_right_checksum(size):
    frame = packets.frame(size)
    assert len(frame) == size - 4
    block = PacketBlock(np.frombuffer(frame, np.uint8).reshape(1, -1), np.asarray([len(frame)], np.int32), np.zeros(1))
    headers = udp_packets(block)
    assert (int(headers.payload_start[0]), int(headers.payload_end[0])) == (42, size - 4)
    words = sum(struct.unpack(">10H", frame[14:34]))
    assert (words & 0xFFFF) + (words >> 16) == 0xFFFF
    assert struct.unpack_from(">H", frame, 16)[0] == packets.ip_bytes(size)
    assert struct.unpack_from(">H", frame, 38)[0] == packets.payload_bytes(size) + 8


def test_a_frame_below_the_minimum_is_refused():
    with pytest.raises(ValueError, match="Expected: >= 64 bytes"):
        packets.frame(63)


@pytest.mark.parametrize("size", SIZES)
def test_every_tool_gets_the_same_packet(size, tmp_path):
    files = tools.Files(tmp_path)
    files.write(size)
    frame = packets.frame(size)
    config = files.config(size).read_text()
    assert bytes(int(word, 16) for word in re.findall(r"0x([0-9a-f]{2})", config)) == frame
    block, _ = read_packets(files.capture(size))
    assert {row.tobytes() for row in block.data} == {frame}
    assert bytes.fromhex(packets.for_mausezahn(size)) == frame
    assert str(size - 46) in tools.sender(tools.IPERF3, size, files)


@pytest.mark.parametrize("size", SIZES)
def test_the_changing_packet_is_the_same_but_for_user_port_and_checksum(size):
    frame = packets.frame(size)
    parts = packets.for_trafgen_changing(size).strip("{} \n").replace("csumip(14, 33)", "C C").split(", ")
    octets = " ".join(part for part in parts if part).replace("dinc(0x00 0xff)", "D").split()
    assert len(octets) == len(frame)
    assert [place for place, word in enumerate(octets) if word == "C"] == [24, 25]
    assert [place for place, word in enumerate(octets) if word == "D"] == [29, 35]
    assert all(int(word, 16) == frame[place] for place, word in enumerate(octets) if word not in {"C", "D"})


@pytest.mark.parametrize("tool", tools.SENDERS)
def test_senders_send_into_the_pair_without_end(tool, tmp_path):
    command = tools.sender(tool, 64, tools.Files(tmp_path))
    assert command[0] == tools.executable(tool)
    assert wire.HERE in command or wire.SINK_ADDRESS in command
    assert "--num" not in command


def test_trafgen_can_send_a_number_of_packets(tmp_path):
    command = tools.trafgen(tmp_path / "packet", 1234)
    assert command[command.index("--num") + 1] == "1234"
    assert command[command.index("--cpus") + 1] == "1"
    assert command[command.index("--conf") + 1] == str(tmp_path / "packet")


def test_all_senders_have_one_process_but_the_one_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.tools.os.cpu_count", lambda: 7)
    for tool in (tools.TRAFGEN, tools.TRAFGEN_CHANGING, tools.TRAFGEN_CORES):
        command = tools.sender(tool, 64, tools.Files(tmp_path))
        assert command[command.index("--cpus") + 1] == ("7" if tool in tools.SEVERAL_CORES else "1")


@pytest.mark.parametrize("tool", tools.RECEIVERS)
def test_receivers_look_at_the_other_end(tool, tmp_path):
    command = tools.receiver(tool, wire.THERE, tools.Files(tmp_path))
    assert tools.executable(tool) in command
    assert wire.THERE in command


def test_tcpdump_stays_root_and_is_kept_from_setting_groups(tmp_path):
    command = tools.tcpdump("s0", tmp_path / "written", "-s", "60")
    assert command == [*setgroups.without_setgroups([]), *command[3:]]
    assert command[3:6] == ["tcpdump", "-i", "s0"]
    assert command[command.index("-Z") + 1] == "root"
    assert command[-3:] == ["-w", str(tmp_path / "written"), "udp"]


@pytest.mark.parametrize("name", ["no such tool", tools.OURS])
def test_unknown_tools_are_errors(name, tmp_path):
    with pytest.raises(KeyError):
        tools.sender(name, 64, tools.Files(tmp_path))
    with pytest.raises(KeyError):
        tools.receiver(name, "s0", tools.Files(tmp_path))


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setattr("benchmarks.tools.shutil.which", lambda name: None if name in {"iperf3", "tshark"} else name)
    assert tools.missing() == ["iperf3", "tshark"]


def test_the_sink_takes_the_benchmarks_packets_only():
    rules = wire.sink_rules((64, 128, 512))
    assert "ip length { 46, 110, 494 } counter name sunk drop" in rules
    assert "policy accept" in rules


def test_a_devices_packets_are_read_from_the_kernels_table():
    line = "    {}: 10 20 0 0 0 0 0 0 30 {} 0 0 0 0 0 0"
    table = "\n".join(["Inter-|   Receive", " face |bytes", line.format("p0", 4711), line.format("lo", 1)])
    assert wire.transmitted(table, "p0") == 4711
    with pytest.raises(wire.WireError, match="network device p1"):
        wire.transmitted(table, "p1")


def changed(frame, instructions, n):
    """What the field engine makes of packet n: one instruction after the other."""
    content = bytearray(frame)
    for one in instructions:
        if one["type"] == "write_mask_flow_var":
            place = slice(one["pkt_offset"], one["pkt_offset"] + one["pkt_cast_size"])
            value = n << one["shift"] if one["shift"] >= 0 else n >> -one["shift"]
            kept = int.from_bytes(content[place], "big") & ~one["mask"]
            content[place] = (kept | (value & one["mask"])).to_bytes(one["pkt_cast_size"], "big")
    return np.frombuffer(bytes(content), np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_our_stream_changes_addresses_ports_and_index_and_leaves_room_for_the_probe_header(size):
    data = stream(size, 1000.0, LATENCY)
    assert data["flow_stats"]["rule_type"] == "latency"
    assert packets.payload_bytes(size) > 16
    rows = np.stack([changed(packets.frame(size), data["vm"]["instructions"], n) for n in range(4096)])
    users = rows[:, 26:30].copy().view(">u4")[:, 0]
    ports = rows[:, 34:36].copy().view(">u2")[:, 0]
    assert len(set(users.tolist())) == 256
    assert len(set(zip(users.tolist(), ports.tolist(), strict=True))) == 512
    assert set(rows[:, 42].tolist()) == set(range(8))
    untouched = np.frombuffer(packets.frame(size), np.uint8)
    assert (rows[:, :14] == untouched[:14]).all()
    assert (rows[:, 43:] == untouched[43:]).all()
