"""Run the conformance suite N times in a row on the embedded system and print one line per run and a tally."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path


def main() -> int:
    """Run; exit code 0 if nothing failed and at most one run in ten was inconclusive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--sut", default="suts/lab.yaml")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--reports", type=Path, default=Path("reports/soak"))
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    for number in range(1, options.runs + 1):
        tally[run_once(number, options)] += 1
    print("tally: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally.items())))
    return 0 if tally["PASS"] + tally["INCONC"] == options.runs and tally["INCONC"] <= max(1, options.runs // 10) else 1


def run_once(number: int, options: argparse.Namespace) -> str:
    """Run the suite once; return the overall verdict in capitals, ERROR when it left none."""
    folder = options.reports / f"run-{number:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (folder / "output.txt").open("w") as output:
        suite = ["-m", "hitless", "run", "--sut", options.sut, "--profile", options.profile, "--reports", str(folder)]
        command = [sys.executable, "-m", "lab", "run", "--logs", str(folder / "logs"), "--", sys.executable, *suite]
        code = subprocess.run([*command, "--no-html"], stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    verdict, rows = "ERROR", {}
    if (folder / "verdict.json").is_file():
        result = json.loads((folder / "verdict.json").read_text())
        verdict, rows = str(result["verdict"]).upper(), result["requirements"]
    took_s = time.monotonic() - started
    print(f"run {number:2d}: {verdict}  exit code {code}  {took_s:.0f} s", flush=True)
    for name, row in rows.items():
        if str(row["verdict"]).upper() not in {"PASS", "NONE"}:
            print(f"        {name} {row['verdict']}: {row['message']}", flush=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
