"""The profile without a server: what a server would be told to send, packet by packet."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
import textwrap
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import pytest

from hitless.sessions import Layout
from tests.traffic import field_engine
from tests.traffic.conftest import PROFILE
from tests.traffic.layouts import GROUPS, MORE_GROUPS, SERVICE, expected

DEFAULT = [(0, ["--part", "main"]), (1, ["--part", "main"]), (0, ["--part", "long"]), (0, ["--part", "filler"])]
MORE = [
    (1, ["--part", "long"]),
    (0, ["--part", "main", "--load-pps", "13000"]),
    (0, ["--part", "main", "--dst-mac-up", "02:00:00:00:0d:00"]),
    (0, ["--part", "main", "--user-base", "172.16.0.0", "--service-address", "10.9.0.9", "--service-port", "80"]),
    (0, ["--part", "main", "--load-frame", "512", "--probe-frame", "60"]),
    (0, ["--part", "main", "--service-types", "3"]),
    (0, ["--part", "main", "--service-types", "2", "--new-pps", "1500", "--service-port", "7000"]),
    (0, ["--part", "main", "--service-types", "2", "--probe-user-bits", "4"]),
    (0, ["--help"]),
    (0, ["--part", "nothing"]),
    (0, ["--load-pps", "4000"]),
    (0, ["--new-pps", "3001"]),
    (0, ["--new-pps", "0"]),
    (0, ["--probe-user-bits", "0"]),
    (0, ["--probe-user-bits", "7"]),
    (0, ["--service-types", "4"]),
    (0, ["--service-types", "0"]),
    (0, ["--service-types", "9", "--new-pps", "1000"]),
    (0, ["--service-port", "65535"]),
    (0, ["--service-port", "0"]),
    (0, ["--service-port", "http"]),
    (0, ["--probe-frame", "59"]),
    (0, ["--user-base", "10.1.0.1"]),
    (0, ["--user-base", "somewhere"]),
]
REFUSED = slice(8, None)


@pytest.fixture(scope="module")
def loaded() -> dict:
    script = Path(__file__).parent / "load_profile.py"
    command = [sys.executable, str(script), str(PROFILE), json.dumps(DEFAULT + MORE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def streams(loaded) -> dict:
    return {stream["name"]: stream for part in loaded["streams"][: len(DEFAULT)] for stream in part}


@pytest.fixture(scope="module")
def variants(loaded) -> list:
    return loaded["streams"][len(DEFAULT) :]


def number(packet: bytes, start: int, size: int) -> int:
    return int.from_bytes(packet[start : start + size], "big")


def user_fields(name: str, packet: bytes) -> tuple[str, int, int]:
    address, port = (30, 36) if name == "load-down" else (26, 34)
    return str(IPv4Address(number(packet, address, 4))), number(packet, port, 2), packet[42]


def starts(name: str) -> list[int]:
    """Numbers around which some field wraps."""
    group = GROUPS[name]
    used = group.lane + group.session + group.index + group.generation
    within = group.lane + group.session
    edges = [2**group.lane, 2**within, 2 ** (within + group.index), 2**used, 3 * 2**used, 2 ** (within + 8)]
    return [0, *(edge - 40 for edge in edges), 2**29 - 40 if name == "new-sessions" else 2**31 - 40]


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_each_packet_carries_what_its_number_says(streams, name):
    for start in starts(name):
        for offset, packet in enumerate(itertools.islice(field_engine.packets(streams[name], start), 400)):
            assert user_fields(name, packet) == expected(name, start + offset), f"packet {start + offset}"


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_the_layout_that_is_recorded_says_the_same(loaded, streams, name):
    described = next(group for group in loaded["describe"] if group["name"] == name)
    fields = Layout.from_data(described["layout"]).fields(np.arange(5000))
    sent = [user_fields(name, packet) for packet in itertools.islice(field_engine.packets(streams[name]), 5000)]
    assert [str(IPv4Address(int(address))) for address in fields.address] == [address for address, _, _ in sent]
    assert fields.port.tolist() == [port for _, port, _ in sent]
    assert fields.index_byte.tolist() == [index for _, _, index in sent]


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_packets_are_sound_udp_without_checksum(streams, name):
    packet = next(field_engine.packets(streams[name], 12345))
    size = 96 if name.endswith("sessions") else 128
    assert len(packet) == size
    assert number(packet, 12, 2) == 0x0800
    assert packet[14] == 0x45
    assert number(packet, 16, 2) == size - 14
    assert packet[22] == 64
    assert packet[23] == 17
    assert number(packet, 38, 2) == size - 34
    assert number(packet, 40, 2) == 0
    repaired = bytearray(packet)
    field_engine.fix_checksum(repaired, 14)
    assert bytes(repaired) == packet
    address, port = (26, 34) if name == "load-down" else (30, 36)
    assert (str(IPv4Address(number(packet, address, 4))), number(packet, port, 2)) == SERVICE


def test_the_downward_load_answers_the_upward_load_a_little_later(streams):
    up, down = (field_engine.packets(streams[name]) for name in ("load-up", "load-down"))
    for upward, downward in itertools.islice(zip(up, down, strict=True), 3000):
        assert upward[26:30] == downward[30:34]
        assert upward[34:36] == downward[36:38]
        assert upward[42] == downward[42]
    assert streams["load-up"]["isg"] == 0
    assert streams["load-down"]["isg"] == 300_000


def test_short_sessions_open_once_and_end(streams):
    """A 5-tuple that comes back is far away; of the sessions in progress at the end the last packets are missing."""
    seen: dict[tuple[str, int], list[int]] = {}
    for packet in itertools.islice(field_engine.packets(streams["new-sessions"]), 20_000):
        address, port, index = user_fields("new-sessions", packet)
        seen.setdefault((address, port), []).append(index)
    complete = [indexes for indexes in seen.values() if len(indexes) == 8]
    assert len(complete) >= len(seen) - 64
    assert all(indexes == list(range(8)) for indexes in complete)


def test_a_user_of_short_sessions_has_two_at_a_time(streams):
    """Both are open together, and the user comes back only after all others."""
    open_by_user: dict[str, set[int]] = {}
    for packet in itertools.islice(field_engine.packets(streams["new-sessions"]), 64 * 512):
        address, port, _ = user_fields("new-sessions", packet)
        open_by_user.setdefault(address, set()).add(port)
    assert len(open_by_user) == 2048
    assert {tuple(sorted(ports)) for ports in open_by_user.values()} == {(1024, 1025)}


def test_long_sessions_are_all_there_after_one_round(streams):
    packets = itertools.islice(field_engine.packets(streams["long-sessions"]), 8192)
    rounds = [user_fields("long-sessions", packet) for packet in packets]
    first, second = rounds[:4096], rounds[4096:]
    assert len({(address, port) for address, port, _ in first}) == 4096
    assert len({address for address, _, _ in first}) == 2048
    assert [(address, port) for address, port, _ in first] == [(address, port) for address, port, _ in second]
    assert {index for _, _, index in first} == {0}
    assert {index for _, _, index in second} == {1}


def test_users_of_different_groups_are_different(loaded):
    ranges = {}
    for group in loaded["describe"]:
        base = int(IPv4Address(group["layout"]["user_base"]))
        ranges[group["name"]] = range(base, base + GROUPS[group["name"]].users)
    assert ranges.pop("load-down") == ranges["load-up"]
    for one, other in itertools.combinations(ranges.values(), 2):
        assert one.stop <= other.start or other.stop <= one.start


def test_description_and_streams_say_the_same(loaded, streams):
    assert {group["name"] for group in loaded["describe"]} == set(streams) == set(GROUPS)
    for group in loaded["describe"]:
        stream = streams[group["name"]]
        assert stream["mode"] == {"rate": {"type": "pps", "value": group["rate_pps"]}, "type": "continuous"}
        assert stream["flow_stats"]["stream_id"] == group["pg_id"]
        assert stream["flow_stats"]["rule_type"] == ("latency" if group["kind"] == "probe" else "stats")
        assert stream["core_id"] == (-1 if group["kind"] == "probe" else 0)
        assert group["direction"] == ("down" if group["port"] == 1 else "up")
    assert {group["name"]: (group["pg_id"], group["part"], group["port"]) for group in loaded["describe"]} == {
        "load-up": (1, "main", 0),
        "load-down": (2, "main", 1),
        "filler-up": (3, "filler", 0),
        "long-sessions": (20, "long", 0),
        "new-sessions": (21, "main", 0),
    }


def test_rates_add_up_to_the_load_that_was_asked_for(loaded, variants):
    rates = {group["name"]: group["rate_pps"] for group in loaded["describe"]}
    assert rates == {
        "load-up": 3000,
        "load-down": 3000,
        "new-sessions": 2000,
        "long-sessions": 2000,
        "filler-up": 2000,
    }
    more = {stream["name"]: stream["mode"]["rate"]["value"] for stream in variants[1]}
    assert more == {"load-up": 4500, "new-sessions": 2000}


def test_the_other_direction_of_a_one_way_part_is_empty(variants):
    assert variants[0] == []


def test_macs_come_from_the_server_unless_they_are_given(streams, variants):
    assert streams["load-up"]["flags"] == 0
    for stream in variants[2]:
        assert next(field_engine.packets(stream))[:6].hex() == "020000000d00"
        assert stream["flags"] & 0b110 == 0b010, "destination MAC from the packet"


def test_addresses_and_ports_follow_the_tunables(variants):
    packet = next(field_engine.packets(variants[3][0], 70))
    assert str(IPv4Address(number(packet, 26, 4))) == "172.16.0.6"
    assert str(IPv4Address(number(packet, 30, 4))) == "10.9.0.9"
    assert number(packet, 36, 2) == 80


def test_each_service_type_has_users_and_a_port_of_its_own(variants):
    found = {stream["name"]: stream for stream in variants[5]}
    assert set(found) == {"load-up", "new-sessions", *MORE_GROUPS}
    assert [found[name]["flow_stats"]["stream_id"] for name in ("new-sessions", *MORE_GROUPS)] == [21, 22, 23]
    assert {name: stream["mode"]["rate"]["value"] for name, stream in found.items()} == {
        "load-up": 2500,
        "new-sessions": 1000,
        "new-sessions-2": 1000,
        "new-sessions-3": 1000,
    }
    for name, group in MORE_GROUPS.items():
        for offset, packet in enumerate(itertools.islice(field_engine.packets(found[name], 32_000), 2000)):
            assert user_fields(name, packet) == expected(name, 32_000 + offset)
            assert number(packet, 36, 2) == group.service_port


def test_service_types_follow_the_tunables(variants):
    found = {stream["name"]: stream for stream in variants[6]}
    assert {name: stream["mode"]["rate"]["value"] for name, stream in found.items()} == {
        "load-up": 3250,
        "new-sessions": 750,
        "new-sessions-2": 750,
    }
    ports = {name: number(next(field_engine.packets(stream)), 36, 2) for name, stream in found.items()}
    assert ports == {"load-up": 7000, "new-sessions": 7000, "new-sessions-2": 7001}


def test_fewer_users_come_back_sooner(variants):
    found = {stream["name"]: stream for stream in variants[7]}
    for name, first in (("new-sessions", "10.1.64.0"), ("new-sessions-2", "10.1.72.0")):
        came: dict[str, int] = {}
        for offset, packet in enumerate(itertools.islice(field_engine.packets(found[name]), 2 * 16 * 512)):
            address, port, index = user_fields(name, packet)
            if index == 0 and port % 2 == 0:
                if address in came:
                    assert offset - came[address] == 16 * 512
                came[address] = offset
        assert sorted(int(IPv4Address(address)) - int(IPv4Address(first)) for address in came) == list(range(512))


def test_the_layouts_that_are_recorded_say_the_service_type(loaded):
    ports = {group["name"]: group["layout"]["service_port"] for group in loaded["describe_three"]}
    assert {name: ports[name] for name in MORE_GROUPS} == {"new-sessions-2": 5002, "new-sessions-3": 5003}
    assert {port for name, port in ports.items() if name not in MORE_GROUPS} == {5001}


def test_frame_sizes_follow_the_tunables(variants):
    assert {stream["name"]: len(next(field_engine.packets(stream))) for stream in variants[4]} == {
        "load-up": 512,
        "new-sessions": 60,
    }


def test_what_cannot_be_sent_is_refused(variants):
    """TRex's loader returns None when a profile's argument parser ends the program."""
    assert variants[REFUSED] == [None] * (len(MORE) - 8)


def test_trex_console_can_list_the_tunables(loaded):
    assert loaded["console_tunables"] == {"direction": 0, "tunables": []}


def test_trex_console_starts_it(server):
    """``start_line`` is what the console runs for ``start``; everything after ``-t`` goes to the profile."""
    code = f"""
        from hitless.traffic.trex_shim import import_trex
        client = import_trex().STLClient(server="127.0.0.1", sync_port={server.rpc_port}, async_port={server.pub_port})
        client.connect()
        client.acquire([0, 1])
        client.start_line("-f {PROFILE} -p 0 1 -t --part main --load-pps 8000")
        client.start_line("-f {PROFILE} -p 0.long -t --part long")
        client.disconnect(stop_traffic=False, release_ports=False)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, timeout=60)
    assert set(server.running) == {(0, "_"), (1, "_"), (0, "long")}
    rates = {stream["name"]: stream["mode"]["rate"]["value"] for part in server.streams.values() for stream in part}
    assert rates == {"load-up": 2000, "new-sessions": 2000, "load-down": 2000, "long-sessions": 2000}


def test_the_profile_needs_nothing_but_trex_and_python():
    imported = set()
    for node in ast.walk(ast.parse(PROFILE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported - sys.stdlib_module_names - {"collections.abc"} == {"trex.stl.api"}
