"""The histories that are kept, and what judges say about them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hitless.catalogue import load_catalogue
from hitless.history import History
from hitless.judging import judge_history, judged_by
from hitless.verdict import Verdict
from tests.stored.packing import unpack
from tools import defects

HERE = Path(__file__).resolve().parent


def file_of(name: str) -> Path:
    """Where the history of a defect is."""
    return HERE / f"{name}.history.xz"


@cache
def history_of(name: str) -> History:
    """The history of a defect."""
    return unpack(file_of(name).read_bytes())


@cache
def verdicts_of(name: str) -> Mapping[str, Verdict]:
    """What each judge of its procedure says about the history of a defect."""
    history, catalogue = history_of(name), load_catalogue()
    return {one: judge_history(history, one, catalogue) for one in judged_by(history.procedure, catalogue)}


def row_of(name: str, verdicts: Mapping[str, Verdict]) -> defects.Row:
    """The same as a row of the matrix."""
    catalogue = load_catalogue()
    target, just_over = defects.targets_of(catalogue)[name]
    outcomes = {one: verdict.outcome.name.lower() for one, verdict in verdicts.items()}
    return defects.Row(name, target, just_over, outcomes, catalogue.companions(target))
