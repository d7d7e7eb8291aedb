"""Answers that are made of the content of a package."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from lab.sol.archive import META_PATH, Archive
from lab.sol.build import zipped
from lab.vnfm.transport import accepted

_TEXT: Final = "text/plain"


def descriptor_response(archive: Archive, request: Request) -> Response:
    """The descriptor: as text if the consumer takes that and it is one file, else as an archive of all its files."""
    files = archive.descriptor_files
    if len(files) == 1 and accepted(request, [_TEXT]):
        return Response(archive.files[archive.descriptor_path], media_type=_TEXT)
    return zip_response(zipped({path: archive.files[path] for path in (META_PATH, *files)}))


def zip_response(content: bytes) -> Response:
    """An archive."""
    return Response(content, media_type="application/zip")
