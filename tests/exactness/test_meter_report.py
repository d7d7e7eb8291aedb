"""The script that holds two generators side by side: always the same lines, and the truth in them."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hitless.traffic import ServerInfo
from tests.core.builders import Loss, Scene, at
from tests.exactness.report_run import OUTAGE_MS, SCRIPT
from tests.exactness.sandbox import run_inside
from tools import meter_report
from tools.meter_report import Switched, clean_lines, outage_lines, server_lines

MS = 1_000_000


def scene(**more):
    history = Scene(without_groups=("filler-up",), long_until_s=30.0, **more).history()
    return replace(history, groups=tuple(group for group in history.groups if group.name != "filler-up"))


def switched(on_s, off_s, command_ms=20):
    return Switched(at(on_s) - command_ms * MS, at(on_s), at(off_s), at(off_s) + command_ms * MS)


def names(lines):
    return [name for name, _ in lines]


def test_a_path_that_loses_nothing():
    found = dict(clean_lines(scene()))
    assert found["loss.load-up.planned_pps"] == "3500"
    assert float(found["loss.load-up.sent_pps"]) == pytest.approx(3500, rel=0.01)
    for name, value in found.items():
        if name.rpartition(".")[2] in {"lost", "with_loss", "duplicates", "reordered", "tester_own_drops"}:
            assert value == "0", name
    assert found["sessions.new-sessions.most_packets"] == "8"
    assert found["capture.way_ms_p50"] == "0.500"
    assert found["capture.counted_but_not_captured"] == "0"


def test_loss_is_told_per_group_and_per_session():
    history = scene(losses=(Loss(11.0, 11.5, 1.0, (21,)),))
    found = dict(clean_lines(history))
    assert found["loss.new-sessions.lost"] == "500"
    assert found["loss.long-sessions.lost"] == "0"
    assert found["sessions.new-sessions.lost_packets"] == "500"
    assert int(found["sessions.new-sessions.with_loss"]) > 60


def test_what_the_tester_lost_itself_and_what_came_too_often():
    found = dict(clean_lines(scene(ierrors=((5.0, 7),), surplus={1: 3})))
    assert found["loss.tester_own_drops"] == "7"
    assert found["loss.load-up.more_received_than_sent"] == "3"


def test_the_lines_are_the_same_whatever_happens():
    calm, wild = scene(), scene(losses=(Loss(11.0, 11.5), Loss(15.0, 15.2)), ierrors=((5.0, 7),))
    dead = scene(losses=(Loss(-1.0, 60.0),))
    assert names(clean_lines(calm)) == names(clean_lines(wild)) == names(clean_lines(dead))
    window = switched(11, 11.5)
    assert names(outage_lines(calm, window)) == names(outage_lines(wild, window)) == names(outage_lines(dead, window))
    silent = replace(calm, counters=replace(calm.counters, tx=calm.counters.tx * 0, rx=calm.counters.rx * 0))
    silent = replace(silent, probes=replace_probes(calm.probes))
    assert names(clean_lines(silent)) == names(clean_lines(calm))
    assert names(outage_lines(silent, window)) == names(outage_lines(calm, window))


def replace_probes(probes):
    fields = {name: getattr(probes, name) for name in probes.__dataclass_fields__}
    return type(probes)(**{n: value[:0] if isinstance(value, np.ndarray) else value for n, value in fields.items()})


def test_an_outage_is_told_by_capture_and_by_counters():
    found = dict(outage_lines(scene(losses=(Loss(11.0, 11.5),)), switched(11, 11.5)))
    assert found["outage.switched_at_least_ms"] == "500.0"
    assert found["outage.switched_at_most_ms"] == "540.0"
    assert found["outage.new-sessions.count"] == "1"
    assert found["outage.new-sessions.lost"] == "500"
    assert float(found["outage.new-sessions.ms"]) == pytest.approx(501, abs=0.1)
    assert found["outage.new-sessions.kind"] == "over"
    assert found["outage.new-sessions.fits_the_commands"] == "yes"
    assert found["outage.counters.count"] == "1"
    assert float(found["outage.counters.ms"]) == pytest.approx(500, abs=5)
    assert found["outage.counters.over"] == "yes"


def test_an_outage_that_is_too_short_too_long_or_still_open_does_not_fit():
    short = dict(outage_lines(scene(losses=(Loss(11.0, 11.4),)), switched(11, 11.5)))
    assert short["outage.new-sessions.fits_the_commands"] == "no"
    long = dict(outage_lines(scene(losses=(Loss(11.0, 11.8),)), switched(11, 11.5)))
    assert long["outage.new-sessions.fits_the_commands"] == "no"
    left = dict(outage_lines(scene(losses=(Loss(26.5, 60.0),)), switched(26.5, 27)))
    assert left["outage.new-sessions.kind"] == "open"
    assert left["outage.new-sessions.fits_the_commands"] == "no"
    assert left["outage.counters.over"] == "no"


def test_without_an_outage_there_is_nothing_to_tell():
    found = dict(outage_lines(scene(), switched(11, 11.5)))
    assert found["outage.new-sessions.count"] == "0"
    assert found["outage.new-sessions.kind"] == "-"
    assert found["outage.counters.ms"] == "-"


def test_what_the_server_says_of_itself():
    assert list(server_lines(ServerInfo("v3.08", "STL", "host", ()))) == [
        ("server.version", "v3.08"),
        ("server.mode", "STL"),
        ("server.ports", "0"),
    ]


def test_each_command_needs_the_other(capsys):
    with pytest.raises(SystemExit) as ended:
        meter_report.main(["127.0.0.1", "--drop-on", "true"])
    assert ended.value.code == 2
    assert "each needs the other" in capsys.readouterr().err


def test_the_help_names_every_exit_code(capsys):
    with pytest.raises(SystemExit):
        meter_report.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 printed, 1 no server there, or it was lost or refused, 2 wrong arguments" in shown


@pytest.mark.processes
def test_no_server_is_said_clearly_and_in_the_exit_code():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = str(taken.getsockname()[1])
        command = [sys.executable, str(SCRIPT), "127.0.0.1", "--sync-port", port, "--timeout-s", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == meter_report.NOT_MEASURED
    assert f"TRex server 127.0.0.1:{port}" in done.stderr
    assert f"Expected: a stateless TRex server at 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run_inside("tests.exactness.report_run", folder, [str(folder)], timeout_s=110)
    return folder


def lines(folder, name):
    return [tuple(line.split(": ", 1)) for line in (folder / f"{name}.out").read_text().splitlines()]


@pytest.mark.namespaces
def test_two_reports_can_be_laid_side_by_side(reported):
    plain, with_switch = lines(reported, "plain"), lines(reported, "switched")
    assert (reported / "plain.code").read_text() == (reported / "switched.code").read_text() == "0"
    assert names(plain) == names(with_switch)[: len(plain)]
    found = dict(plain)
    for name, value in found.items():
        if name.rpartition(".")[2] in {"lost", "with_loss", "duplicates", "reordered", "tester_own_drops"}:
            assert value == "0", name
    assert found["capture.counted_but_not_captured"] == "0"
    assert int(found["capture.probes"]) == int(found["loss.new-sessions.sent"]) + int(found["loss.long-sessions.sent"])


@pytest.mark.namespaces
def test_the_outage_that_was_switched_is_found(reported):
    found = dict(lines(reported, "switched"))
    assert float(found["outage.switched_at_least_ms"]) >= OUTAGE_MS
    for group in ("new-sessions", "long-sessions"):
        assert found[f"outage.{group}.count"] == "1"
        assert found[f"outage.{group}.kind"] == "over"
        assert found[f"outage.{group}.fits_the_commands"] == "yes"
    assert found["outage.counters.count"] == "1"


@pytest.mark.namespaces
def test_a_command_that_fails_is_named(reported):
    assert (reported / "broken.code").read_text() == str(meter_report.COMMAND_FAILED)
    assert "command 'false' - Expected: exit code 0, Actual: 1" in (reported / "broken.log").read_text()
