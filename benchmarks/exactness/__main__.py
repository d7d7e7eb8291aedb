"""Runs the long form and prints its tables; about ten minutes. `make benchmark` ends with it.

``python -m benchmarks.exactness [--share 0.1] [--repeats 3] [--only loss|outages]``. Nothing but namespaces is needed.
Exit code 1 if a single packet is different, or an outage is not held by what the suite computes.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.exactness import loss, outages
from benchmarks.exactness.table import table
from tests.exactness.plans import Outcome, Plan
from tests.exactness.sandbox import carry_out

_BESIDES_RUN_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exactness", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="length of the loss recordings; 1 for 10^7 packets")
    parser.add_argument("--repeats", type=int, default=3, help="outages of each length at each rate")
    parser.add_argument("--only", choices=("loss", "outages"))
    options = parser.parse_args(arguments)
    _say(f"{platform.release()}, {os.cpu_count()} cores, load {' '.join(f'{one:.2f}' for one in os.getloadavg())}\n")
    wrong: list[str] = []
    if options.only != "outages":
        wrong += _loss(options.share)
    if options.only != "loss":
        wrong += _outages(options.repeats)
    _say(f"load at the end {' '.join(f'{one:.2f}' for one in os.getloadavg())}\n")
    for line in wrong:
        _say(f"WRONG {line}\n")
    return 1 if wrong else 0


def _loss(share: float) -> list[str]:
    results = [loss.result(_run(plan)) for plan in loss.plans(share)]
    _say("\nLoss, duplicates and reordering: the suite against nftables counters\n\n")
    _say(table(loss.HEAD, [*(one.cells() for one in results), loss.totals(results)]))
    return [str(row) for one in results for row in one.wrong]


def _outages(repeats: int) -> list[str]:
    errors = outages.Errors()
    for plan in outages.plans(repeats):
        errors.add(_run(plan))
    for title, rows in errors.tables():
        _say(f"\nOutages by {title}: computed less true length\n\n")
        _say(table(outages.HEAD, rows))
    return errors.wrong


def _run(plan: Plan) -> Outcome:
    """Carry out one plan in namespaces of its own; its folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="exactness-") as folder:
        (outcome,) = carry_out(Path(folder), [plan], timeout_s=plan.run_s + _BESIDES_RUN_S)
    sys.stderr.write(f"{plan.name} done\n")
    return outcome


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
