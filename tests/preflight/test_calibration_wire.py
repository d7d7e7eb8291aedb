"""`hitless check --traffic` on the embedded system, and `--loopback` on a cable, with real packets."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass

import pytest
import yaml

from hitless.results import ExitCode
from tests.live import runs

LAB_SUT = runs.ROOT / "suts" / "lab.yaml"
UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
ROW = re.compile(r"^ +([0-9.]+) % +([0-9.]+) +([0-9?]+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)  ")


@dataclass
class Checked:
    code: int
    output: str

    @property
    def rows(self):
        """The table: percent, asked, pace, sent, received, own drops, not captured, missing elsewhere."""
        return [match.groups() for line in self.output.splitlines() if (match := ROW.match(line))]

    def line(self, name):
        found = [line for line in self.output.splitlines() if line[9:].startswith(f"{name} ")]
        assert found, f"no finding {name}:\n{self.output}"
        return found[0]

    def level(self, name):
        return self.line(name).split()[0]


def checked(command, timeout_s=150):
    done = subprocess.run(
        command, cwd=runs.ROOT, capture_output=True, text=True, timeout=timeout_s, check=False, start_new_session=True
    )
    return Checked(done.returncode, done.stdout + done.stderr)


def in_the_lab(folder, sut, *options):
    lab = [sys.executable, "-m", "lab", "run", "--logs", str(folder / "logs")]
    return checked([*lab, "--", sys.executable, "-m", "hitless", "check", "--sut", str(sut), *options])


def on_a_cable(*options):
    cable = [sys.executable, "-m", "tests.preflight.cable"]
    return checked([*UNSHARE, *cable, sys.executable, "-m", "hitless", "check", "--sut", str(LAB_SUT), *options])


def with_limits(folder, **limits):
    """The lab's declaration with limits in place of the catalogue's."""
    data = yaml.safe_load(LAB_SUT.read_text())
    data["traffic"]["profile"] = str(runs.ROOT / "traffic_profiles" / "upgrade.py")
    data["limits"] = {
        requirement.replace("_", "-"): {
            name: {"value": value, "by": "J. Doe", "why": "too strict on purpose"} for name, value in values.items()
        }
        for requirement, values in limits.items()
    }
    path = folder / "strict.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.live
@pytest.mark.namespaces
@pytest.mark.timeout(300)
class TestThroughTheSystem:
    def test_the_calibration_is_printed(self, tmp_path):
        found = in_the_lab(tmp_path, LAB_SUT, "--traffic")
        assert [row[0] for row in found.rows][:1] == ["50"], found.output
        for percent, asked, _, sent, received, own, _, elsewhere in found.rows:
            assert float(asked) == float(percent) * 100
            # Whatever is missing is accounted for: by the tester's own ports, or elsewhere.
            assert int(elsewhere) == max(0, int(sent) - int(received) - int(own))
            assert int(sent) > 0
        for name in ("tester's rate", "probe spacing", "counter sampling", "generator's clock", "tester's stalls"):
            assert found.level(name) in {"ok", "warning", "failed"}
        assert re.search(r"\d+ of 18 that need rate, resolution or samples", found.line("limits"))
        # A busy machine may make the tester short or stall, and then it has to say so: never ready with a failed line.
        failed = [line for line in found.output.splitlines() if line.startswith("failed")]
        assert found.code == (ExitCode.ERROR if failed else ExitCode.PASS), found.output
        assert ("not ready" in found.output) is bool(failed)

    def test_limits_that_are_too_strict_are_named_with_the_number_to_change(self, tmp_path):
        strict = {"loss_ratio": 1e-9, "min_bin_goodput_ratio": 0.99999}
        sut = with_limits(tmp_path, RQ_CAP_01=strict, RQ_RBK_01={"recovery_s": 1e-5})
        found = in_the_lab(tmp_path, sut, "--traffic")
        assert found.code == ExitCode.ERROR, found.output
        for name, key in (
            ("RQ-CAP-01 loss_ratio <= 1e-09", "limits.RQ-CAP-01.loss_ratio.value to >= "),
            ("RQ-CAP-01 min_bin_goodput_ratio >= 0.99999", "limits.RQ-CAP-01.min_bin_goodput_ratio.value to <= "),
            ("RQ-RBK-01 recovery_s <= 1e-05", "limits.RQ-RBK-01.recovery_s.value to >= "),
        ):
            assert found.level(name) == "failed"
            assert "the tester cannot show that (sut.yaml) - Expected: " in found.line(name)
            assert key in found.line(name)
        # The number that is named is one with which the same tester says yes.
        wanted = float(re.search(r"loss_ratio\.value to >= (\S+?);", found.line("RQ-CAP-01 loss_ratio")).group(1))
        again = in_the_lab(tmp_path, with_limits(tmp_path, RQ_CAP_01={"loss_ratio": wanted}), "--traffic")
        assert again.level("RQ-CAP-01 loss_ratio") != "failed", again.output

    def test_what_goes_through_a_system_is_no_cable(self, tmp_path):
        found = in_the_lab(tmp_path, LAB_SUT, "--loopback")
        assert found.level("loopback") == "failed", found.output
        assert found.code == ExitCode.ERROR
        assert found.rows == []


@pytest.mark.namespaces
@pytest.mark.timeout(200)
class TestOnACable:
    def test_the_calibration_is_printed(self):
        found = on_a_cable("--loopback")
        assert found.level("loopback") == "ok", found.output
        assert [row[0] for row in found.rows] == ["50", "75", "100", "120"][: len(found.rows)]
        if found.level("tester's rate") == "ok":
            assert len(found.rows) == 4
            assert all(row[3] == row[4] for row in found.rows)
        assert "limits - " in found.output

    def test_no_more_is_tried_than_was_asked_for(self):
        found = on_a_cable("--loopback", "--up-to", "60")
        assert [row[0] for row in found.rows] == ["50", "60"][: len(found.rows)], found.output
        assert found.level("tester's rate") in {"warning", "failed"}  # it did not carry the whole load
