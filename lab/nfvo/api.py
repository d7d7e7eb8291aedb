"""The resources of ``/vnfpkgm/v2``: packages as operators bring them on board (SOL005) and VNFMs read them (SOL003)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.nfvo import views
from lab.nfvo.bodies import CreateBody, PatchBody, zip_body
from lab.nfvo.contents import descriptor_response, zip_response
from lab.nfvo.inventory import Entry
from lab.nfvo.operations import Operations
from lab.nfvo.queries import shown
from lab.sol.build import zipped
from lab.vnfm import filters
from lab.vnfm.bodies import parse
from lab.vnfm.problem import bad_request, not_found
from lab.vnfm.transport import application, json_body, unversioned, versioned

API_VERSIONS: Final = ("2.0.0", "2.1.0", "2.2.0", "2.3.0", "2.4.0")
"""Versions of the package management interface that consumers may ask for; what is served is the same in all."""

_ZIP: Final = ("application/zip",)
_TEXT: Final = ("text/plain",)
_ANY: Final = ("application/octet-stream",)
_MERGE_PATCH: Final = ("application/merge-patch+json", "application/json")

Find = Callable[[Request], Entry]


def package_api(operations: Operations, links: views.Links) -> Starlette:
    """Make the ASGI application."""
    packages = _Packages(operations, links)
    one = f"{views.PACKAGES}/{{id}}"
    onboarded = f"{views.ONBOARDED_PACKAGES}/{{vnfd_id}}"
    return application(
        [
            unversioned("/vnfpkgm/api_versions", _api_versions),
            unversioned(f"{views.API_PATH}/api_versions", _api_versions),
            _route(views.PACKAGES, get=packages.list_all, post=packages.create),
            _route(one, get=partial(packages.get, packages.by_id), delete=packages.delete),
            _route(one, read_body=partial(json_body, media_types=_MERGE_PATCH), patch=packages.patch),
            _route(f"{one}/package_content", read_body=zip_body, put=packages.upload),
            *_content_routes(one, packages, packages.by_id),
            _route(views.ONBOARDED_PACKAGES, get=packages.list_onboarded),
            _route(onboarded, get=partial(packages.get, packages.by_vnfd)),
            *_content_routes(onboarded, packages, packages.by_vnfd),
        ]
    )


_route = partial(versioned, versions=API_VERSIONS)


def _content_routes(root: str, packages: _Packages, find: Find) -> list[Route]:
    """What is in a package, below either of the resources that it is known by."""
    return [
        _route(f"{root}/vnfd", produces=_ZIP + _TEXT, get=partial(packages.vnfd, find)),
        _route(f"{root}/manifest", produces=_TEXT, get=partial(packages.manifest, find)),
        _route(f"{root}/package_content", produces=_ZIP, get=partial(packages.content, find)),
        _route(f"{root}/artifacts", produces=_ZIP, get=partial(packages.artifacts, find)),
        _route(f"{root}/artifacts/{{path:path}}", produces=_ANY, get=partial(packages.artifact, find)),
    ]


def _api_versions() -> dict[str, Any]:
    return {
        "uriPrefix": views.API_PATH,
        "apiVersions": [{"version": version, "isDeprecated": False} for version in API_VERSIONS],
    }


class _Packages:
    def __init__(self, operations: Operations, links: views.Links) -> None:
        self._operations = operations
        self._links = links

    def by_id(self, request: Request) -> Entry:
        return self._operations.package(request.path_params["id"])

    def by_vnfd(self, request: Request) -> Entry:
        return self._operations.onboarded(request.path_params["vnfd_id"])

    def list_all(self, request: Request, _body: Any) -> Response:
        return self._listing(request, self._operations.all())

    def list_onboarded(self, request: Request, _body: Any) -> Response:
        return self._listing(request, [one for one in self._operations.all() if one.archive is not None])

    def _listing(self, request: Request, entries: list[Entry]) -> Response:
        in_use = self._operations.in_use()
        documents = [views.package_document(entry, in_use, self._links) for entry in entries]
        chosen = filters.select(documents, request.query_params.get("filter"))
        return JSONResponse(shown(chosen, request.query_params, views.DETAILS))

    def get(self, find: Find, request: Request, _body: Any) -> Response:
        return JSONResponse(self._document(find(request)))

    def create(self, _request: Request, body: Any) -> Response:
        record = self._operations.create(parse(CreateBody, body).user_defined_data)
        return JSONResponse(
            self._document(Entry(record)),
            status_code=HTTPStatus.CREATED,
            headers={"Location": self._links.package(record.id)},
        )

    def upload(self, request: Request, body: bytes | None) -> Response:
        self._operations.package(request.path_params["id"])
        if not body:
            raise bad_request("request body - Expected: a ZIP archive - Actual: nothing")
        self._operations.upload(request.path_params["id"], body)
        return Response(status_code=HTTPStatus.ACCEPTED)

    def patch(self, request: Request, body: Any) -> Response:
        package_id = request.path_params["id"]
        changes = parse(PatchBody, body)
        if changes.operational_state is None and changes.user_defined_data is None:
            raise bad_request("request body - Expected: operationalState or userDefinedData - Actual: neither")
        if changes.operational_state is not None:
            self._operations.set_state(package_id, changes.operational_state)
        if changes.user_defined_data is not None:
            self._operations.annotate(package_id, changes.user_defined_data)
        return JSONResponse(changes.model_dump(by_alias=True, exclude_none=True))

    def delete(self, request: Request, _body: Any) -> Response:
        self._operations.delete(request.path_params["id"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def vnfd(self, find: Find, request: Request, _body: Any) -> Response:
        return descriptor_response(self._operations.archive(find(request)), request)

    def manifest(self, find: Find, request: Request, _body: Any) -> Response:
        archive = self._operations.archive(find(request))
        return Response(archive.files[archive.manifest_path], media_type="text/plain")

    def content(self, find: Find, request: Request, _body: Any) -> Response:
        return zip_response(self._operations.archive(find(request)).content)

    def artifacts(self, find: Find, request: Request, _body: Any) -> Response:
        archive = self._operations.archive(find(request))
        return zip_response(zipped({path: archive.files[path] for path in archive.additional_artifacts}))

    def artifact(self, find: Find, request: Request, _body: Any) -> Response:
        archive = self._operations.archive(find(request))
        path = request.path_params["path"]
        if path not in archive.artifacts:
            raise not_found(f"artifact {path} - not in the package - Expected one of: {', '.join(archive.artifacts)}")
        return Response(archive.files[path], media_type="application/octet-stream")

    def _document(self, entry: Entry) -> dict[str, Any]:
        return views.package_document(entry, self._operations.in_use(), self._links)
