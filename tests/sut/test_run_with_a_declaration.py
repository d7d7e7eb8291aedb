"""The features, given a declaration: what it takes away is left out before anything is touched."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.sut.declarations import RIGHT
from tests.sut.test_declaration import ROOT

pytestmark = pytest.mark.processes


def run(folder, text, *arguments):
    """Run the features against a declaration; return exit code, output and verdict.json, None if there is none."""
    (folder / "profile.py").touch()
    (folder / "sut.yaml").write_text(text, encoding="utf-8")
    reports = folder / "reports"
    command = [sys.executable, "-m", "pytest", "features", "-p", "hitless.plugin", "-p", "no:cacheprovider", "-qq"]
    given = [f"--hitless-sut={folder / 'sut.yaml'}", f"--hitless-reports={reports}", "--hitless-no-html"]
    done = subprocess.run([*command, *given, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = reports / "verdict.json"
    content = json.loads(verdict.read_text(encoding="utf-8")) if verdict.is_file() else None
    return done.returncode, done.stdout + done.stderr, content


def test_what_the_declaration_takes_away_is_never_begun(tmp_path):
    code, output, verdict = run(tmp_path, RIGHT, "--hitless-only=RQ-TRF-01", "--hitless-only=RQ-RBK-01")
    assert code == verdict["exit_code"] == 2, output
    assert verdict["not_demonstrated"] == ["RQ-RBK-01", "RQ-TRF-01"]
    assert verdict["requirements"]["RQ-RBK-01"]["ics"]["reason"].count(";") == 1
    assert verdict["requirements"]["RQ-CAP-01"]["ics"] == {"status": "M", "support": "applicable", "reason": ""}
    assert verdict["figures"]["traffic_time_s"] == 0
    assert not (tmp_path / "reports" / "recordings").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: 1\n", "sut.yaml:1: name - wrong type"),
        (RIGHT + "limits: {RQ-CAP-01: {loss: {value: 1, by: me, why: so}}}\n", "limits.RQ-CAP-01.loss - no such limit"),
    ],
)
def test_a_wrong_declaration_is_wrong_usage(tmp_path, text, told):
    code, output, _ = run(tmp_path, text)
    assert code == 4
    assert told in output
    assert "Traceback" not in output
