"""`hitless check --traffic` and `--loopback`: where calibration stands among the other checks, options, exit codes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hitless import cli
from hitless.cli import checking
from hitless.preflight import Finding, Level, run_preflight
from hitless.results import ExitCode
from tests.preflight.calibrated import FakeTester
from tests.preflight.fakes import FakeGenerator
from tests.sut.declarations import RIGHT

WITHOUT_MANO = RIGHT.replace("mano:\n  sol003:\n    api_root: http://127.0.0.1:8001\n", "upgrade: {trigger: manual}\n")


@dataclass
class Both(FakeTester):
    """Answers for the few seconds before a calibration as another fake does."""

    way: str = "open"

    def snapshot(self):
        self.calls.append("snapshot")
        taken = self.calls.count("snapshot")
        rates = {one.group.pg_id: one.group.rate_pps for one in self.loaded if one.part != "filler"}
        counted = [
            {
                "pg_id": pg,
                "name": str(pg),
                "tx": round(rate * taken),
                "rx": 0 if self.way == "shut" else round(rate * taken),
            }
            for pg, rate in rates.items()
        ]
        at_ns = taken * 1_000_000_000
        return {
            "asked_ns": at_ns,
            "answered_ns": at_ns,
            "groups": counted,
            "ports": [{"port": number, "ierrors": 0, "oerrors": 0} for number in (0, 1)],
            "generator_cpu_percent": 12.0,
        }

    def sample_packets(self, bpf, count, within_s):
        self.calls.append("sample_packets")
        return [] if self.way == "shut" else FakeGenerator().packets


@pytest.fixture
def file(tmp_path):
    (tmp_path / "profile.py").touch()

    def write(text=WITHOUT_MANO):
        path = tmp_path / "sut.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def check(path, tester, **options):
    said, shown = [], []
    findings = run_preflight(
        path,
        generator=lambda: tester,
        sleep=tester.sleep,
        clock_ns=tester.clock_ns,
        say=lambda one: (said.append(one), shown.append(str(one))),
        show=shown.append,
        **options,
    )
    assert said == findings
    return {one.name: one.level.value for one in findings}, shown


class TestPlace:
    def test_after_the_traffic_that_shows_that_the_way_is_open(self, file):
        tester = Both()
        levels, shown = check(file(), tester, traffic=True)
        names = list(levels)
        assert (
            names.index("return") < names.index("tester's rate") < names.index("limits") < names.index("requirements")
        )
        table = next(number for number, line in enumerate(shown) if line.lstrip().startswith("load"))
        assert shown[table + 4].startswith("ok       tester's rate")
        assert tester.calls.index("sample_packets") < tester.calls.index("record_start")
        assert tester.calls[-1] == "close"

    def test_not_through_a_way_that_is_shut(self, file):
        tester = Both(way="shut")
        levels, shown = check(file(), tester, traffic=True)
        assert levels["return"] == "failed"
        assert "warning  calibration - not made, as the traffic does not come back - put that right first" in shown
        assert "record_start" not in tester.calls

    def test_not_without_traffic(self, file):
        tester = Both()
        levels, shown = check(file(), tester)
        assert "tester's rate" not in levels
        assert "record_start" not in tester.calls
        assert not [line for line in shown if line.lstrip().startswith("load ")]

    def test_back_to_back_nobody_else_is_asked(self, file):
        tester = Both()
        levels, _ = check(file(RIGHT), tester, loopback=True)  # there is no MANO at that address
        assert [name for name in levels if not name.startswith("RQ-")] == [
            *("declaration", "version marks", "traffic generator", "port 0 (users)", "port 1 (network)"),
            *("traffic profile", "loopback", "tester's rate", "probe spacing", "counter sampling", "generator's clock"),
            *("tester's stalls", "limits"),
        ]
        assert "snapshot" not in tester.calls
        assert [call for call in tester.calls if call.startswith("prepare")][-1] == "prepare 12000"

    def test_the_profile_is_the_runs(self, file):
        text = WITHOUT_MANO.replace("trigger: manual", "trigger: manual, deadline_s: 180")
        quick, acceptance = (
            check(file(text), Both(), traffic=True, profile=name)[0] for name in ("quick", "acceptance")
        )
        assert "failed" not in quick.values()
        assert acceptance["RQ-CAP-01 loss_ratio <= 1e-06"] == "failed"

    def test_the_highest_rate_is_the_users_choice(self, file):
        tester = Both()
        check(file(), tester, traffic=True, up_to_percent=60.0)
        assert [call for call in tester.calls if call.startswith("prepare")][1:] == ["prepare 5000", "prepare 6000"]


class TestCommand:
    @pytest.fixture
    def asked(self, monkeypatch):
        """What the command asks of the checks, and the findings that it gets."""
        asked = {"findings": [Finding("x", Level.OK, "well")]}

        def run_preflight(path, *, say, show, **options):
            asked.update(options)
            for finding in asked["findings"]:
                say(finding)
            show("  100 %  10000")
            return asked["findings"]

        monkeypatch.setattr(checking, "run_preflight", run_preflight)
        return asked

    def run(self, *arguments):
        return cli.main(["check", "--sut", "my.yaml", *arguments])

    def test_the_table_is_printed(self, asked, capsys):
        assert self.run("--traffic") == ExitCode.PASS
        assert capsys.readouterr().out.splitlines() == ["ok       x - well", "  100 %  10000", "ready"]

    @pytest.mark.parametrize(
        ("arguments", "traffic", "loopback", "up_to"),
        [
            ((), False, False, None),
            (("--traffic",), True, False, None),
            (("--loopback",), False, True, None),
            (("--traffic", "--up-to", "120"), True, False, 120.0),
            (("--loopback", "--up-to", "80"), False, True, 80.0),
        ],
    )
    def test_options(self, asked, arguments, traffic, loopback, up_to):
        self.run(*arguments)
        assert (asked["traffic"], asked["loopback"], asked["up_to_percent"]) == (traffic, loopback, up_to)

    def test_a_limit_that_the_tester_cannot_show_is_the_testers_trouble(self, asked):
        asked["findings"] = [Finding("RQ-CAP-01 loss_ratio <= 1e-09", Level.FAILED, "cannot show that")]
        assert self.run("--traffic") == ExitCode.ERROR

    @pytest.mark.parametrize(
        "arguments",
        [("--traffic", "--loopback"), ("--up-to", "0"), ("--up-to", "301"), ("--up-to", "much"), ("--up-to", "nan")],
    )
    def test_wrong_usage(self, asked, arguments, capsys):
        with pytest.raises(SystemExit) as ended:
            self.run(*arguments)
        assert ended.value.code == ExitCode.USAGE
        assert "traffic" not in asked
        capsys.readouterr()

    def test_a_rate_for_nothing(self, asked, capsys):
        assert self.run("--up-to", "120") == ExitCode.USAGE
        assert "--up-to - nothing is sent - Expected: --traffic or --loopback" in capsys.readouterr().err
        assert "traffic" not in asked
