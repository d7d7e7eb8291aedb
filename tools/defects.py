"""Run the suite against every seeded defect of the embedded system and print who killed what.

A defect must make its requirement FAIL and no other, but for companions: requirements that name the same measure in
features/catalogue.yaml. A form that stays within the limit ("-within") must make none FAIL, and its requirement PASS.
What has been run already is not run again (--again), so that an interrupted run can be resumed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hitless.catalogue import Catalogue, load_catalogue
from hitless.judging import judge_history, judged_by, recordings_below
from hitless.recording import RecordingError, load
from hitless.verdict import Outcome

SIGNS = {"pass": ".", "inconc": "?", "fail": "K", "error": "E", "none": " "}
RESULT = "outcomes.json"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one defect.

    Attributes:
        defect: its name.
        target: the requirement that it is about.
        just_over: whether it breaks it, or just does not.
        outcomes: per requirement that was judged.
        companions: requirements that may fall with the target.
    """

    defect: str
    target: str
    just_over: bool
    outcomes: Mapping[str, str]
    companions: frozenset[str]

    @property
    def killed(self) -> frozenset[str]:
        """Requirements that failed."""
        return frozenset(name for name, outcome in self.outcomes.items() if outcome == "fail")

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as it has to be; nothing when all is well."""
        found = [f"{name} ended in ERROR" for name, outcome in self.outcomes.items() if outcome == "error"]
        wanted = "fail" if self.just_over else "pass"
        actual = self.outcomes.get(self.target, "none")
        if actual != wanted:
            found.append(f"{self.target} - Expected: {wanted} Actual: {actual}")
        allowed = self.companions | {self.target} if self.just_over else frozenset()
        found += [f"{name} failed, too" for name in sorted(self.killed - allowed - {self.target})]
        return tuple(found)


def targets_of(catalogue: Catalogue) -> dict[str, tuple[str, bool]]:
    """Return the defects of the catalogue: name to requirement and whether it is just over its limit."""
    found = {}
    for requirement in catalogue.requirements:
        found |= dict.fromkeys(requirement.defects.just_over, (requirement.id, True))
        found |= dict.fromkeys(requirement.defects.just_under, (requirement.id, False))
    return found


def main() -> int:
    """Run; exit code 0 if every defect was seen as it has to be."""
    options = parse(sys.argv[1:])
    catalogue = load_catalogue()
    targets = targets_of(catalogue)
    chosen = [name for name in targets if not options.only or name in options.only]
    unknown = sorted(set(options.only) - set(targets))
    if unknown:
        print(f"defects: {', '.join(unknown)} - not in features/catalogue.yaml - see `python -m lab defects`")
        return 2
    rows = []
    for number, name in enumerate(chosen, start=1):
        target, just_over = targets[name]
        started = time.monotonic()
        outcomes = outcomes_of(name, target, catalogue, options)
        row = Row(name, target, just_over, outcomes, catalogue.companions(target))
        rows.append(row)
        said = "; ".join(row.problems) or ("killed " + ", ".join(sorted(row.killed)) if just_over else "survived")
        took_s = time.monotonic() - started
        print(
            f"{number:3d}/{len(chosen)} {'BAD ' if row.problems else 'ok  '}{name}: {said}  ({took_s:.0f} s)",
            flush=True,
        )
    text = matrix(rows, [requirement.id for requirement in catalogue.requirements])
    (options.reports / "matrix.md").write_text(text)
    print("\n" + text)
    bad = [row for row in rows if row.problems]
    print(f"{len(rows) - len(bad)} of {len(rows)} defects seen as they have to be")
    return 1 if bad else 0


def outcomes_of(defect: str, target: str, catalogue: Catalogue, options: argparse.Namespace) -> dict[str, str]:
    """Return the outcome of each requirement under a defect; records only what is not there yet, judges always."""
    folder = options.reports / defect
    result = folder / RESULT
    if result.is_file() and not options.again:
        return judged(folder, catalogue)
    outcomes: dict[str, str] = {}
    for _ in range(2):  # INCONC may be repeated once (docs/verdicts.md), a FAIL never
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run(defect, target, folder, options)
        outcomes = judged(folder, catalogue)
        if outcomes.get(target) != "inconc":
            break
    if outcomes:
        result.write_text(json.dumps(outcomes, indent=2) + "\n")
    return outcomes


def first_purpose(requirement: str) -> str:
    """Return the first test purpose of a requirement: its scenario shows the defect, others may take long."""
    prefix = requirement.replace("RQ-", "@TP-")
    features = (Path(__file__).resolve().parents[1] / "features").glob("*/*.feature")
    purposes = sorted(
        word.removeprefix("@") for path in features for word in path.read_text().split() if word.startswith(prefix)
    )
    return purposes[0]


def run(defect: str, target: str, folder: Path, options: argparse.Namespace) -> None:
    """Run the suite against one defect; what it prints goes into a file."""
    suite = [
        "run",
        "--sut",
        options.sut,
        "--profile",
        options.profile,
        "--reports",
        str(folder),
        "--no-html",
        "--no-repeat",
    ]
    suite += [] if options.all else ["--only", first_purpose(target)]
    lab = [sys.executable, "-m", "lab", "run", "--defect", defect, "--logs", str(folder / "logs")]
    with (folder / "output.txt").open("w") as output:
        subprocess.run([*lab, "--", sys.executable, "-m", "hitless", *suite], stdout=output, stderr=output, check=False)


def judged(folder: Path, catalogue: Catalogue) -> dict[str, str]:
    """Judge every recording in a folder for all that its procedure shows; the worst outcome of each requirement."""
    outcomes: dict[str, Outcome] = {}
    for recording in recordings_below(folder):
        try:
            history = load(recording)
        except RecordingError as error:
            print(f"    {recording}: {error}")
            continue
        for name in judged_by(history.procedure, catalogue):
            outcome = judge_history(history, name, catalogue).outcome
            outcomes[name] = max(outcome, outcomes.get(name, Outcome.NONE))
    return {name: outcome.name.lower() for name, outcome in outcomes.items()}


def matrix(rows: Sequence[Row], requirements: Sequence[str]) -> str:
    """Return the table of defects and requirements, in Markdown."""
    short = [name.removeprefix("RQ-") for name in requirements]
    lines = [
        "K killed (FAIL), . survived (PASS), ? inconclusive, E error, blank: not judged in the procedures of that row.",
        "**K** the defect's own requirement, k a companion (same measure in features/catalogue.yaml).",
        "",
        "| defect | " + " | ".join(short) + " |",
        "|---|" + "---|" * len(short),
    ]
    lines += [f"| {row.defect} | " + " | ".join(_cell(row, name) for name in requirements) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(row: Row, name: str) -> str:
    sign = SIGNS[row.outcomes.get(name, "none")]
    if sign == "K":
        return "**K**" if name == row.target else "k" if name in row.companions else "K!"
    return f"**{sign}**" if name == row.target else sign


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="DEFECT", help="only this one; repeatable")
    parser.add_argument("--again", action="store_true", help="run also what has been run already")
    parser.add_argument(
        "--all", action="store_true", help="every procedure for every defect (hours), not only those of its requirement"
    )
    parser.add_argument("--sut", default="suts/lab.yaml")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--reports", type=Path, default=Path("reports/defects"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
