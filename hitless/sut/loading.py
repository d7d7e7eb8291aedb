"""From a file to a validated declaration; whatever is wrong is told at once, one line each."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from hitless.sut.base import FOLDER
from hitless.sut.document import Document, parse_document, read_document
from hitless.sut.explaining import explain
from hitless.sut.model import SystemUnderTest
from hitless.sut.problems import DeclarationError


def load(path: Path | str) -> SystemUnderTest:
    """Read and validate a declaration.

    Args:
        path: the YAML file; relative paths in it start from its folder.

    Raises:
        DeclarationError: the file cannot be read or anything in it is wrong; tells everything that is.
    """
    path = Path(path)
    return _validated(read_document(path), str(path), path.parent)


def parse(text: str, source: str = "sut.yaml", folder: Path | None = None) -> SystemUnderTest:
    """Validate a declaration given as text; files that it names are looked for only when a folder is given.

    Raises:
        DeclarationError: anything in it is wrong; tells everything that is.
    """
    return _validated(parse_document(text), source, folder)


def _validated(document: Document, source: str, folder: Path | None) -> SystemUnderTest:
    if document.data is None:
        raise DeclarationError(source, document.problems)
    try:
        declared = SystemUnderTest.model_validate(document.data, context={FOLDER: folder})
    except ValidationError as error:
        known = {problem.key for problem in document.problems}
        found = [explain(one, document) for one in error.errors(include_url=False)]
        problems = [*document.problems, *(problem for problem in found if problem.key not in known)]
        raise DeclarationError(source, problems) from None
    if document.problems:
        raise DeclarationError(source, document.problems)
    return declared
