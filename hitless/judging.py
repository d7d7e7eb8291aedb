"""From a recording to verdicts: the same way while a campaign runs and long afterwards."""

from __future__ import annotations

from pathlib import Path

from hitless.catalogue import Catalogue
from hitless.history import History
from hitless.judges import JUDGES
from hitless.limits import limits_of_recording
from hitless.verdict import Verdict


def judge_history(history: History, requirement_id: str, catalogue: Catalogue) -> Verdict:
    """Return what the judge of one requirement says about a recording.

    Raises:
        CatalogueError: unknown requirement or profile, or a replacement that is wrong.
    """
    limits = limits_of_recording(catalogue, requirement_id, history.parameters, history.sut)
    return JUDGES[requirement_id](history, limits.numbers)


def judged_by(procedure: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the requirements that recordings of a procedure are judged for."""
    return tuple(row.id for row in catalogue.requirements if procedure in row.procedures)


def recordings_below(folder: Path) -> tuple[Path, ...]:
    """Return the recordings in a folder: itself if it is one, else those directly below it or in ``recordings/``."""
    if (folder / "manifest.json").is_file():
        return (folder,)
    found = {
        path.parent for pattern in ("*/manifest.json", "recordings/*/manifest.json") for path in folder.glob(pattern)
    }
    return tuple(sorted(found))
