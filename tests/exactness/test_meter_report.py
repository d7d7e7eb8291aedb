"""The script that holds two generators side by side: what it prints, what it says when it cannot, how it ends."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from hitless.cli.meter_options import parse
from hitless.report.meter_server import server_lines, silent_directions
from hitless.traffic import PortInfo, ServerInfo, TrafficError
from tests.core.builders import Loss
from tests.exactness.report_run import HELD, OUTAGE_MS, SCRIPT
from tests.exactness.sandbox import run_inside
from tests.exactness.test_meter_lines import names, nothing_sent, scene, switched
from tests.traffic.stub_server import StubTrex
from tools import meter_report

MACS = ("02:00:00:00:00:10", "02:00:00:00:00:11")
USERS = PortInfo(
    port=0,
    mac=MACS[0],
    driver="net_i40e",
    speed_gbps=40.0,
    link_up=True,
    owner="",
    state="IDLE",
    destination_mac="02:00:00:00:0d:00",
    gateway="10.10.0.254",
    gateway_state="unresolved",
)
NETWORK = PortInfo(1, MACS[1], "net_af_packet", 0.1, None, "", "IDLE", "02:00:00:00:0d:01")
SERVER = ServerInfo("v3.08", "STL", "host", (USERS, NETWORK), "somebody")
DEAD = (Loss(-1.0, 60.0),)
SLOW = ("--rate", "1000", "--tunable", "new-pps=200", "--tunable", "long-pps=400", "--seconds", "1")


def test_what_the_server_says_of_itself():
    assert list(server_lines(SERVER, (0, 1))) == [
        ("server.version", "v3.08"),
        ("server.built_by", "somebody"),
        ("server.mode", "STL"),
        ("server.ports", "2"),
        ("server.users.port", "0"),
        ("server.users.driver", "net_i40e"),
        ("server.users.speed_gbps", "40"),
        ("server.users.link", "up"),
        ("server.users.mac", MACS[0]),
        ("server.users.destination_mac", "02:00:00:00:0d:00"),
        ("server.users.gateway", "10.10.0.254 unresolved"),
        ("server.network.port", "1"),
        ("server.network.driver", "net_af_packet"),
        ("server.network.speed_gbps", "0.1"),
        ("server.network.link", "-"),
        ("server.network.mac", MACS[1]),
        ("server.network.destination_mac", "02:00:00:00:0d:01"),
        ("server.network.gateway", "-"),
    ]


def test_a_server_that_says_little_gets_the_same_lines():
    mute = ServerInfo("v2.99", "STL", "host", ())
    assert names(server_lines(mute, (4, 5))) == names(server_lines(SERVER, (0, 1)))
    found = dict(server_lines(mute, (4, 5)))
    assert (found["server.users.port"], found["server.users.link"], found["server.built_by"]) == ("4", "-", "-")


def test_nothing_is_said_of_a_path_that_hands_on_or_loses_much():
    assert list(silent_directions(scene(), SERVER, (0, 1))) == []
    assert list(silent_directions(scene(losses=(Loss(-1.0, 26.0),)), SERVER, (0, 1))) == []


def test_nothing_coming_back_names_path_next_hop_and_gateway():
    up, down = silent_directions(scene(losses=DEAD), SERVER, (0, 1))
    assert up.startswith("traffic up, port 0 to port 1 - nothing came back - Expected: ")
    assert "link of port 0 up, link of port 1 unknown" in up
    assert "destination MAC of port 0 (configured on the server: 02:00:00:00:0d:00; another: --dst-mac-up)" in up
    assert "L3 gateway of port 0 (10.10.0.254 unresolved)" in up
    assert down.startswith("traffic down, port 1 to port 0 - nothing came back")
    assert "--dst-mac-down" in down
    assert "L3 gateway of port 1 (none, as it is in layer 2 mode)" in down


def test_one_direction_alone_is_named_alone():
    (said,) = silent_directions(scene(losses=(Loss(-1.0, 60.0, 1.0, (2,)),)), SERVER, (0, 1))
    assert said.startswith("traffic down, port 1 to port 0")


def test_a_generator_that_sends_nothing_is_not_a_path_that_drops():
    found = list(silent_directions(nothing_sent(scene()), SERVER, (0, 1)))
    assert len(found) == 2
    assert all("Expected: packets sent Actual: 0" in said and "destination MAC" not in said for said in found)


class FakeGenerator:
    """Stands for the generator; what it was prepared with is kept."""

    def __init__(self, fails=None):
        self.fails = fails or {}
        self.prepared = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def connect(self, *_endpoint):
        self._act("connect")
        return SERVER

    def prepare(self, profile, tunables, ports, *, force):
        self.prepared.append((profile, tunables, tuple(ports), force))
        self._act("prepare")
        return ()

    def record_start(self, _folder):
        self._act("record")

    def _act(self, what):
        if what in self.fails:
            raise self.fails[what]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the script with a fake generator and with ready-made recordings; return code, output and errors."""

    def carry_out(*arguments, clean=None, outage=None, **fails):
        generator = FakeGenerator(fails)
        recorded = []

        def record(_generator, _options, folder, *, drop=False):
            recorded.append(folder.name)
            return (outage, switched(11, 11.5)) if drop else (clean, switched(0, 0))

        monkeypatch.setattr(meter_report, "TrafficGenerator", lambda: generator)
        if clean is not None:
            monkeypatch.setattr(meter_report, "_record", record)
        code = meter_report.main(["trex", *arguments])
        printed = capsys.readouterr()
        return code, dict(line.split(": ", 1) for line in printed.out.splitlines()), printed.err, generator, recorded

    return carry_out


SWITCH = ("--drop-on", "true", "--drop-off", "true")


def test_the_same_lines_with_commands_and_without(run):
    clean = scene()
    without = run(clean=clean)
    with_switch = run(*SWITCH, clean=clean, outage=scene(losses=(Loss(11.0, 11.5),)))
    assert without[0] == with_switch[0] == meter_report.PRINTED
    assert list(without[1]) == list(with_switch[1])
    assert {value for name, value in without[1].items() if name.startswith("outage.")} == {"-"}
    assert "-" not in {value for name, value in with_switch[1].items() if name.startswith("outage.")}
    assert (without[4], with_switch[4]) == (["clean"], ["clean", "outage"])
    assert without[2] == with_switch[2] == ""


def test_where_nothing_comes_back_the_path_is_not_switched_and_the_exit_code_says_so(run):
    code, found, said, _, recorded = run(*SWITCH, clean=scene(losses=DEAD))
    assert code == meter_report.NOTHING_CAME_BACK == 4
    assert recorded == ["clean"]
    assert found["capture.clock_error_ms"] == "-"
    assert found["outage.switched_at_least_ms"] == "-"
    assert said.count("nothing came back") == 2
    assert list(found) == list(run(clean=scene())[1])


def test_only_whoever_cannot_connect_is_told_what_server_is_wanted(run):
    lost = TrafficError("TRex server trex:4501", "start part main: port(s) [0]: link is DOWN", "worker log x")
    code, _, said, _, _ = run(record=lost)
    assert code == meter_report.NOT_MEASURED
    assert said == f"meter report: {lost}\n"
    code, found, said, _, _ = run(connect=TrafficError("TRex server trex:4501", "connect: no answer", "worker log x"))
    assert code == meter_report.NOT_MEASURED
    expected = "connect: no answer - Expected: a stateless TRex server at trex:4501 - worker log x\n"
    assert said == f"meter report: TRex server trex:4501 - {expected}"
    assert found == {}


def test_what_the_profile_refuses_is_a_wrong_argument(run):
    code, _, said, _, _ = run("--rate", "3000", prepare=TrafficError("traffic profile x/upgrade.py", "3000 pps"))
    assert code == meter_report.WRONG_ARGUMENTS
    assert said == "meter report: --rate (the profile's --load-pps) or --tunable: 3000 pps\n"


def test_arguments_reach_the_profile_and_the_ports(run):
    stop = TrafficError("TRex server", "enough")
    options = ("--rate", "12345.5", "--dst-mac-down", MACS[0], "--tunable", "user-base=10.9.0.0", "--force")
    generator = run(*options, "--ports", "3", "2", prepare=stop)[3]
    tunables = ["--load-pps", "12345.5", "--dst-mac-down", MACS[0], "--user-base", "10.9.0.0"]
    assert generator.prepared == [(meter_report.PROFILE, tunables, (3, 2), True)]


def test_a_folder_that_cannot_be_made_is_a_wrong_argument(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, said, _, _ = run("--keep", str(tmp_path / "file" / "folder"))
    assert code == meter_report.WRONG_ARGUMENTS
    assert said.startswith("meter report: argument --keep: ")


def test_a_folder_that_holds_a_recording_is_said(run, tmp_path):
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "manifest.json").write_text("{}")
    code, _, said, _, _ = run("--keep", str(tmp_path))
    assert code == meter_report.NOT_MEASURED
    assert "holds a recording already" in said


def test_an_interruption_is_no_traceback(run):
    code, _, said, _, _ = run(prepare=KeyboardInterrupt())
    assert (code, said) == (meter_report.INTERRUPTED, "meter report: interrupted\n")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["sh", "-c", "echo no such table >&2; exit 3"], r"exit code 0, Actual: 3 - it says: no such table$"),
        (["false"], r"^command false - Expected: exit code 0, Actual: 1$"),
        (["/nowhere/nft"], r"^command /nowhere/nft - .*No such file"),
    ],
)
def test_a_command_that_does_not_succeed(command, complaint):
    with pytest.raises(meter_report.CommandError, match=complaint):
        meter_report._command(command)


def test_the_path_is_switched_on_again_whatever_happens(monkeypatch):
    ran_so_far = []

    def command(words):
        ran_so_far.append(words)
        if words == ["off"]:
            raise meter_report.CommandError("off")

    monkeypatch.setattr(meter_report, "_command", command)
    monkeypatch.setattr(meter_report.time, "sleep", lambda _seconds: None)
    with pytest.raises(meter_report.CommandError):
        meter_report._switch(parse(["trex", "--drop-on", "off", "--drop-off", "on"], ""))
    assert ran_so_far == [["off"], ["on"]]


def ran(arguments, timeout_s=60):
    command = [sys.executable, str(SCRIPT), "127.0.0.1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def at(server):
    return ["--sync-port", str(server.rpc_port), "--async-port", str(server.pub_port)]


@pytest.mark.processes
def test_no_server_is_said_clearly_and_in_the_exit_code():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = str(taken.getsockname()[1])
        done = ran(["--sync-port", port, "--timeout-s", "1"])
    assert done.returncode == meter_report.NOT_MEASURED
    assert f"TRex server 127.0.0.1:{port}" in done.stderr
    assert f"Expected: a stateless TRex server at 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.processes
def test_a_rate_below_that_of_the_probes_is_a_wrong_argument():
    with StubTrex() as server:
        done = ran([*at(server), "--rate", "3000"])
    assert done.returncode == meter_report.WRONG_ARGUMENTS
    assert "3000 pps - Expected: more than the probes, 4000 pps" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.processes
def test_ports_that_are_taken_are_said_with_the_remedy():
    with StubTrex() as server:
        server.owners[1] = "alice"
        done = ran(at(server))
    assert done.returncode == meter_report.NOT_MEASURED
    assert "taken by 'alice' - Expected: free ports; with force they are taken away from their owner" in done.stderr
    assert "a stateless TRex server" not in done.stderr


@pytest.mark.processes
def test_a_server_of_which_nothing_comes_back_ends_with_its_own_code():
    with StubTrex() as server:
        server.lose_of_100 = 100
        done = ran([*at(server), *SLOW])
    assert done.returncode == meter_report.NOTHING_CAME_BACK, done.stderr
    found = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert found["server.users.mac"] == MACS[0]
    assert found["server.users.gateway"] == "10.10.0.254 resolved"
    assert found["capture.clock_error_ms"] == "-"
    assert "traffic up, port 0 to port 1 - nothing came back" in done.stderr


@pytest.mark.processes
def test_nobody_who_reads_is_no_traceback():
    with StubTrex() as server:
        command = [sys.executable, str(SCRIPT), "127.0.0.1", *at(server), *SLOW]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
            started.stdout.close()
            said = started.stderr.read()
            code = started.wait(60)
    assert (code, said) == (meter_report.NOBODY_READS, "")


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run_inside("tests.exactness.report_run", folder, [str(folder)], timeout_s=110)
    return folder


def lines(folder, name):
    return [tuple(line.split(": ", 1)) for line in (folder / f"{name}.out").read_text().splitlines()]


def code_of(folder, name):
    return int((folder / f"{name}.code").read_text())


def errors_of(folder, name):
    return (folder / f"{name}.log").read_text()


@pytest.mark.namespaces
def test_two_reports_can_be_laid_side_by_side(reported):
    plain, with_switch = lines(reported, "plain"), lines(reported, "switched")
    assert code_of(reported, "plain") == code_of(reported, "switched") == meter_report.PRINTED
    assert names(plain) == names(with_switch) == names(lines(reported, "silent"))
    found = dict(plain)
    assert found["server.built_by"] == "hitless-lab"
    assert found["server.users.link"] == found["server.network.link"] == "up"
    for name, value in found.items():
        if name.rpartition(".")[2] in {"lost", "with_loss", "duplicates", "reordered", "tester_own_drops"}:
            assert value == ("-" if name.startswith("outage.") else "0"), name
    assert found["capture.counted_but_not_captured"] == "0"
    assert int(found["capture.probes"]) == int(found["loss.new-sessions.sent"]) + int(found["loss.long-sessions.sent"])


@pytest.mark.namespaces
def test_the_outage_that_was_switched_is_found(reported):
    found = dict(lines(reported, "switched"))
    at_least, at_most, width = (float(found[f"outage.switched_{what}_ms"]) for what in ("at_least", "at_most", "width"))
    assert at_least >= OUTAGE_MS
    assert width == pytest.approx(at_most - at_least, abs=0.2)
    for group in ("new-sessions", "long-sessions"):
        assert found[f"outage.{group}.count"] == "1"
        assert found[f"outage.{group}.kind"] == "over"
        assert found[f"outage.{group}.fits_the_commands"] == "yes"
        assert float(found[f"outage.{group}.longest_gap_ms"]) >= at_least
        sent, back, lost = (int(found[f"outage.loss.{group}.{what}"]) for what in ("sent", "received", "lost"))
        assert sent - back == lost == int(found[f"outage.{group}.lost"])
    assert found["outage.counters.count"] == "1"


@pytest.mark.namespaces
def test_a_path_that_only_holds_is_seen_by_its_gap(reported):
    found = dict(lines(reported, "held"))
    assert code_of(reported, "held") == meter_report.PRINTED, errors_of(reported, "held")
    assert found[f"outage.loss.{HELD}.lost"] == "0"
    assert found[f"outage.{HELD}.count"] == "0"
    assert found[f"outage.{HELD}.fits_the_commands"] == "no"
    assert float(found[f"outage.{HELD}.longest_gap_ms"]) >= OUTAGE_MS


@pytest.mark.namespaces
def test_a_path_that_drops_everything_from_the_start(reported):
    assert code_of(reported, "silent") == meter_report.NOTHING_CAME_BACK
    said = errors_of(reported, "silent").splitlines()
    assert [line.split(" - ")[0] for line in said] == [
        "meter report: traffic up, port 0 to port 1",
        "meter report: traffic down, port 1 to port 0",
    ]
    assert dict(lines(reported, "silent"))["capture.probes"] == "0"


@pytest.mark.namespaces
def test_a_link_that_is_down_is_not_called_a_matter_of_force(reported):
    assert code_of(reported, "down") == meter_report.NOT_MEASURED
    said = errors_of(reported, "down")
    assert "link is DOWN - look at the cable" in said
    assert "force" not in said
    assert "a stateless TRex server" not in said
    assert dict(lines(reported, "down"))["server.users.link"] == "down"


@pytest.mark.namespaces
def test_a_command_that_fails_is_named(reported):
    assert code_of(reported, "broken") == meter_report.COMMAND_FAILED
    assert "command false - Expected: exit code 0, Actual: 1" in errors_of(reported, "broken")
