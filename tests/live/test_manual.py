"""The steps of docs/manual-upgrade.md: somebody upgrades with curl, and the verdicts are those of any other upgrade."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.live import runs

PAGE = runs.ROOT / "docs" / "manual-upgrade.md"
JUDGED = (
    "RQ-UPG-01", "RQ-UPG-02", "RQ-UPG-03", "RQ-UPG-04", "RQ-UPG-05", "RQ-CAP-01", "RQ-CAP-02", "RQ-TRF-01",
    "RQ-TRF-02", "RQ-LCM-04",
)  # fmt: skip
"""Rows that need nothing but one upgrade."""


def steps() -> str:
    """Return the shell text of the page."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    return "set -e\n" + "set +e\n".join(blocks[:2]) + "set +e\n" + blocks[2]


def by_hand(folder: Path, defect: str | None = None) -> tuple[dict, str]:
    """Do the steps of the page in the embedded system; return the requirements of verdict.json and what was printed."""
    text = steps().replace("reports/manual", str(folder)).replace("manual.txt", str(folder / "manual.txt"))
    folder.mkdir(parents=True)
    lab = [sys.executable, "-m", "lab", "run", "--logs", str(folder / "logs")]
    lab += ["--defect", defect] if defect else []
    python = str(Path(sys.executable))
    done = subprocess.run(
        [*lab, "--", "bash", "-c", text.replace(".venv/bin/python", python)],
        cwd=runs.ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    printed = done.stdout + done.stderr + (folder / "manual.txt").read_text()
    assert (folder / "verdict.json").is_file(), printed
    return json.loads((folder / "verdict.json").read_text())["requirements"], printed


def test_the_declaration_differs_in_the_trigger_alone():
    here, manual = (yaml.safe_load((runs.ROOT / "suts" / name).read_text()) for name in ("lab.yaml", "lab-manual.yaml"))
    assert manual["upgrade"].pop("trigger") == "manual"
    assert here["upgrade"].pop("trigger") == "sol003"
    assert here == manual


@pytest.mark.live
@pytest.mark.timeout(900)
class TestByHand:
    def test_a_good_upgrade_passes_as_ever(self, tmp_path):
        requirements, printed = by_hand(tmp_path / "first")
        if any(requirements[name]["verdict"] == "inconc" for name in JUDGED):  # repeated once: docs/verdicts.md
            requirements, printed = by_hand(tmp_path / "second")
        assert {name: requirements[name]["verdict"] for name in JUDGED} == dict.fromkeys(JUDGED, "pass"), printed

    def test_a_defect_fails_as_ever(self, tmp_path):
        requirements, printed = by_hand(tmp_path / "first", defect="cap-01-small-flavour")
        assert requirements["RQ-CAP-01"]["verdict"] == "fail", printed
        assert requirements["RQ-TRF-01"]["verdict"] != "fail", printed
