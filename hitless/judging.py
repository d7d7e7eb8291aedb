"""From a recording to verdicts: the same way while a campaign runs and long afterwards."""

from __future__ import annotations

from pathlib import Path

from hitless.catalogue import AppliedLimits, Catalogue, applied_limits
from hitless.history import History
from hitless.judges import JUDGES
from hitless.verdict import Verdict


def limits_for(history: History, requirement_id: str, catalogue: Catalogue) -> AppliedLimits:
    """Return the limits that apply to a recording: the catalogue's for its profile, and what its declaration replaces.

    Raises:
        CatalogueError: unknown requirement or profile, or a replacement that is wrong.
    """
    profile = str(history.parameters.get("profile", ""))
    return applied_limits(catalogue, requirement_id, profile, history.sut.get("limits"))


def judge_history(history: History, requirement_id: str, catalogue: Catalogue) -> Verdict:
    """Return what the judge of one requirement says about a recording.

    Raises:
        CatalogueError: unknown requirement or profile, or a replacement that is wrong.
    """
    return JUDGES[requirement_id](history, limits_for(history, requirement_id, catalogue).numbers)


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
