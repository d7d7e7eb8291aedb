"""Arguments of the meter report: a wrong one is said in a line that names it, before anything is sent."""

from __future__ import annotations

import pytest

from hitless.cli.meter_options import parse
from tools import meter_report

WRONG = [
    (["--rate", "nan"], "argument --rate: Expected: a number Actual: nan"),
    (["--rate", "1e999"], "argument --rate: Expected: a number Actual: 1e999"),
    (["--rate", "fast"], "argument --rate: Expected: a number Actual: fast"),
    (["--rate", "0"], "argument --rate: Expected: more than 0 pps Actual: 0"),
    (["--seconds", "-1"], "argument --seconds: Expected: at least 0.5 s Actual: -1"),
    (["--seconds", "0"], "argument --seconds: Expected: at least 0.5 s Actual: 0"),
    (["--outage-ms", "0"], "argument --outage-ms: Expected: more than 0 ms Actual: 0"),
    (["--timeout-s", "inf"], "argument --timeout-s: Expected: a number Actual: inf"),
    (["--timeout-s", "0"], "argument --timeout-s: Expected: more than 0 s Actual: 0"),
    (["--ports", "0", "0"], "argument --ports: Expected: two different ports Actual: 0 twice"),
    (["--ports", "0", "x"], "argument --ports: Expected: a port's number, from 0 Actual: x"),
    (["--sync-port", "70000"], "argument --sync-port: Expected: 1 to 65535 Actual: 70000"),
    (["--async-port", "rpc"], "argument --async-port: Expected: 1 to 65535 Actual: rpc"),
    (["--dst-mac-up", "zz"], "argument --dst-mac-up: Expected: a MAC address like 02:00:00:00:00:01 Actual: zz"),
    (["--dst-mac-down", "02:00:00:00:00"], "argument --dst-mac-down: Expected: a MAC address"),
    (["--tunable", "user-base"], "argument --tunable: Expected: NAME=VALUE Actual: user-base"),
    (["--tunable", "=10.1.0.0"], "argument --tunable: Expected: NAME=VALUE Actual: =10.1.0.0"),
    (["--drop-on", "", "--drop-off", ""], "argument --drop-on: Expected: a command Actual: nothing"),
    (["--drop-on", "sh -c 'x", "--drop-off", "true"], "argument --drop-on: No closing quotation"),
    (["--drop-on", "true"], "--drop-on and --drop-off: each needs the other"),
    (["--drop-off", "true"], "--drop-on and --drop-off: each needs the other"),
]


@pytest.mark.parametrize(("arguments", "complaint"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_argument_is_named(capsys, arguments, complaint):
    with pytest.raises(SystemExit) as ended:
        meter_report.main(["127.0.0.1", *arguments])
    assert ended.value.code == meter_report.WRONG_ARGUMENTS
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith(f"meter_report.py: error: {complaint}")
    assert printed.out == ""


def test_what_holds_unless_somebody_says_otherwise():
    options = parse(["trex"], "")
    assert (options.server, options.sync_port, options.async_port, tuple(options.ports)) == ("trex", 4501, 4500, (0, 1))
    assert (options.rate, options.seconds, options.outage_ms, options.timeout_s) == (10_000, 6, 500, 3)
    assert options.tunable == []
    assert options.drop_on is options.drop_off is options.keep is options.dst_mac_up is None
    assert not options.force


def test_commands_are_taken_apart_as_a_shell_would():
    options = parse(["trex", "--drop-on", "ssh r1 'nft add rule x'", "--drop-off", "true"], "")
    assert options.drop_on == ["ssh", "r1", "nft add rule x"]
    assert options.drop_off == ["true"]


def test_tunables_become_arguments_of_the_profile():
    options = parse(["trex", "--tunable", "user-base=10.9.0.0", "--tunable=--service-address=10.8.0.1"], "")
    assert options.tunable == [("--user-base", "10.9.0.0"), ("--service-address", "10.8.0.1")]


def test_the_help_names_every_exit_code(capsys):
    with pytest.raises(SystemExit):
        meter_report.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "exit codes: 0 printed, 1 no server there, or it was lost or refused, 2 wrong arguments" in shown
    assert "3 a command failed, 4 printed, but nothing came back" in shown
