"""``hitless judge``: verdicts from recordings alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hitless.catalogue import Catalogue, load_catalogue
from hitless.judging import judge_history, judged_by, recordings_below
from hitless.recording import RecordingError, load
from hitless.report.verdict_file import verdict_object
from hitless.results import EXIT_CODES, ExitCode
from hitless.verdict import Outcome, Verdict

COMPARED = ("verdict", "message", "reasons", "figures", "limits", "checks")
"""What of a requirement in ``verdict.json`` a judge decides."""


def judge(options: argparse.Namespace) -> int:
    """Judge each recording for every requirement that its procedure serves; return the exit code of the worst."""
    catalogue = load_catalogue()
    verdicts = [pair for folder in options.folders for pair in _judged(folder, catalogue)]
    if options.json:
        print(json.dumps([{"recording": str(one), **verdict_object(verdict)} for one, verdict in verdicts], indent=2))
    else:
        for folder, verdict in verdicts:
            print(f"{verdict.requirement} {verdict.outcome.name:6} {verdict.message}  [{folder}]")
    if options.against is not None:
        return _compare(verdicts, options.against)
    return int(EXIT_CODES[Outcome.worst(verdict.outcome for _, verdict in verdicts)])


def _judged(folder: Path, catalogue: Catalogue) -> Iterator[tuple[Path, Verdict]]:
    found = recordings_below(folder)
    if not found:
        raise RecordingError(folder, "no recording here", "give a folder with manifest.json, or the reports folder")
    for recording in found:
        history = load(recording)
        for requirement_id in judged_by(history.procedure, catalogue):
            yield recording, judge_history(history, requirement_id, catalogue)


def _compare(verdicts: Sequence[tuple[Path, Verdict]], path: Path) -> int:
    """Say for each requirement whether the file holds exactly the same; return 0 if all do.

    A requirement may be judged on several recordings; the file holds the verdict on the one that decided.
    """
    kept = _requirements(path)
    different = 0
    for name in dict.fromkeys(verdict.requirement for _, verdict in verdicts):
        if name not in kept:
            different += 1
            print(f"{name}: differs, as the file does not have it")
            continue
        then = kept[name]
        folder = Path(then.get("recording") or "").name
        own = [verdict for recording, verdict in verdicts if verdict.requirement == name and recording.name == folder]
        if not own:
            print(f"{name}: decided by another recording, {folder or 'none'}")
            continue
        # Through JSON and back, as the kept one: then equal means equal to the last bit of every number.
        now = json.loads(json.dumps(verdict_object(own[0])))
        keys = [key for key in COMPARED if now.get(key) != then.get(key)]
        different += bool(keys)
        print(f"{name}: {'differs in ' + ', '.join(keys) if keys else 'identical'}")
    return int(ExitCode.FAIL if different else ExitCode.PASS)


def _requirements(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["requirements"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"hitless: {path} - no verdict.json that can be read - {error}", file=sys.stderr)
        raise SystemExit(int(ExitCode.USAGE)) from error
