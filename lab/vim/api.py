"""The VIM's REST interface, in the shapes of Nova (`/v2.1`) and Glance (`/v2`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

from lab.rest import Call, Endpoint, Refusal
from lab.vim.catalogue import RATED_PPS_SPEC, Catalogue, Flavor, Image
from lab.vim.servers import QuotaError, Server, ServerError, Servers

# Nova wraps what went wrong in an object named after the kind of fault.
_FAULTS: Final = {
    HTTPStatus.BAD_REQUEST: "badRequest",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "itemNotFound",
    HTTPStatus.CONFLICT: "conflictingRequest",
    HTTPStatus.INTERNAL_SERVER_ERROR: "computeFault",
}

_VM_STATES: Final = {"BUILD": "building", "ACTIVE": "active", "SHUTOFF": "stopped", "ERROR": "error"}

_UNLIMITED: Final = -1
"""How Nova writes a quota that limits nothing."""

Entry = TypeVar("Entry", Flavor, Image)


@dataclass(frozen=True)
class Api:
    """Answers requests from the catalogue and the servers."""

    catalogue: Catalogue
    servers: Servers

    def create(self, call: Call) -> Any:
        """POST /v2.1/servers."""
        wanted = Call(body=call.field("server", dict))
        image = _find(self.catalogue.images(), wanted.field("imageRef", str), "imageRef")
        flavor = _find(self.catalogue.flavors(), wanted.field("flavorRef", str), "flavorRef")
        try:
            server = self.servers.create(wanted.field("name", str), image, flavor, self.catalogue.unit(image, flavor))
        except QuotaError as error:
            raise Refusal(HTTPStatus.FORBIDDEN, str(error)) from error
        except ServerError as error:
            raise Refusal(HTTPStatus.CONFLICT, str(error)) from error
        return {"server": {"id": server.id, "links": _links("servers", server.id)}}

    def server(self, call: Call) -> Any:
        """GET /v2.1/servers/{id}."""
        server = self.servers.get(call.path["id"])
        if server is None:
            raise _no_server(call)
        return {"server": server_document(server)}

    def list_servers(self, _call: Call) -> Any:
        """GET /v2.1/servers."""
        return {"servers": [_brief("servers", server.id, server.name) for server in self.servers.all()]}

    def list_servers_in_detail(self, _call: Call) -> Any:
        """GET /v2.1/servers/detail."""
        return {"servers": [server_document(server) for server in self.servers.all()]}

    def delete(self, call: Call) -> None:
        """DELETE /v2.1/servers/{id}; answered when the server is gone."""
        if not self.servers.delete(call.path["id"]):
            raise _no_server(call)

    def act(self, call: Call) -> None:
        """POST /v2.1/servers/{id}/action: `os-stop` is answered when the server is off, `os-start` at once."""
        actions = {"os-stop": self.servers.stop, "os-start": self.servers.start}
        wanted = [name for name in actions if isinstance(call.body, dict) and name in call.body]
        if len(wanted) != 1:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"action - Expected: one of {', '.join(actions)}")
        try:
            found = actions[wanted[0]](call.path["id"])
        except QuotaError as error:
            raise Refusal(HTTPStatus.FORBIDDEN, str(error)) from error
        except ServerError as error:
            raise Refusal(HTTPStatus.CONFLICT, str(error)) from error
        if not found:
            raise _no_server(call)

    def list_flavors(self, _call: Call) -> Any:
        """GET /v2.1/flavors, with all details, as Nova gives them under /v2.1/flavors/detail."""
        return {"flavors": [flavor_document(flavor) for flavor in self.catalogue.flavors()]}

    def flavor(self, call: Call) -> Any:
        """GET /v2.1/flavors/{id}."""
        return {"flavor": flavor_document(_known(self.catalogue.flavors(), call.path["id"], "flavor"))}

    def list_images(self, _call: Call) -> Any:
        """GET /v2/images."""
        return {"images": [image_document(image) for image in self.catalogue.images()]}

    def image(self, call: Call) -> Any:
        """GET /v2/images/{id}."""
        return image_document(_known(self.catalogue.images(), call.path["id"], "image"))

    def quota(self, call: Call) -> Any:
        """GET /v2.1/os-quota-sets/{tenant}. All servers belong to one tenant, whatever the caller calls it."""
        return {"quota_set": {"id": call.path["tenant"], "instances": _instances(self.servers.quota)}}

    def set_quota(self, call: Call) -> Any:
        """PUT /v2.1/os-quota-sets/{tenant}; -1 is no limit."""
        instances = Call(body=call.field("quota_set", dict)).field("instances", int)
        if instances < _UNLIMITED:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"quota_set.instances - Expected: -1 or more - Actual: {instances}")
        self.servers.set_quota(None if instances == _UNLIMITED else instances)
        return {"quota_set": {"instances": _instances(self.servers.quota)}}

    def status(self, _call: Call) -> Any:
        """GET /status, which no VIM has: whether this process serves."""
        return {"ready": True, "servers": len(self.servers.all())}


def endpoints(api: Api) -> list[Endpoint]:
    """The REST interface. Fixed paths stand before those with parameters."""
    return [
        Endpoint("POST", "/v2.1/servers", api.create, HTTPStatus.ACCEPTED),
        Endpoint("GET", "/v2.1/servers", api.list_servers),
        Endpoint("GET", "/v2.1/servers/detail", api.list_servers_in_detail),
        Endpoint("GET", "/v2.1/servers/{id}", api.server),
        Endpoint("POST", "/v2.1/servers/{id}/action", api.act, HTTPStatus.ACCEPTED),
        Endpoint("DELETE", "/v2.1/servers/{id}", api.delete, HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/v2.1/flavors", api.list_flavors),
        Endpoint("GET", "/v2.1/flavors/detail", api.list_flavors),
        Endpoint("GET", "/v2.1/flavors/{id}", api.flavor),
        Endpoint("GET", "/v2.1/os-quota-sets/{tenant}", api.quota),
        Endpoint("PUT", "/v2.1/os-quota-sets/{tenant}", api.set_quota),
        Endpoint("GET", "/v2/images", api.list_images),
        Endpoint("GET", "/v2/images/{id}", api.image),
        Endpoint("GET", "/status", api.status),
    ]


def refusal_body(refusal: Refusal) -> Any:
    """A refusal in Nova's shape."""
    kind = _FAULTS.get(refusal.status, "computeFault")
    return {kind: {"code": int(refusal.status), "message": refusal.reason}}


def server_document(server: Server) -> dict[str, Any]:
    """A server in Nova's shape; metadata values are text, as Nova's are."""
    metadata = {"number": str(server.number)}
    if server.management_url is not None:
        metadata["management_url"] = server.management_url
    document: dict[str, Any] = {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "image": {"id": server.image.id},
        "flavor": {"id": server.flavor.id},
        "metadata": metadata,
        "created": _time(server.created),
        "updated": _time(server.updated),
        "OS-EXT-STS:vm_state": _VM_STATES[server.status],
        "links": _links("servers", server.id),
    }
    if server.fault is not None:
        document["fault"] = {"code": 500, "message": server.fault, "created": _time(server.updated)}
    return document


def flavor_document(flavor: Flavor) -> dict[str, Any]:
    """A flavour in Nova's shape."""
    return {
        "id": flavor.id,
        "name": flavor.id,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram_mib,
        "disk": flavor.disk_gib,
        "extra_specs": {RATED_PPS_SPEC: str(flavor.rated_pps)},
        "links": _links("flavors", flavor.id),
    }


def image_document(image: Image) -> dict[str, Any]:
    """An image in Glance's shape."""
    return {"id": image.id, "name": image.id, "status": "active", "self": f"/v2/images/{image.id}"}


def _instances(quota: int | None) -> int:
    return _UNLIMITED if quota is None else quota


def _find(entries: Sequence[Entry], wanted: str, member: str) -> Entry:
    for entry in entries:
        if entry.id == wanted:
            return entry
    known = ", ".join(entry.id for entry in entries)
    raise Refusal(HTTPStatus.BAD_REQUEST, f"{member} - Expected: one of {known} - Actual: {wanted}")


def _known(entries: Sequence[Entry], wanted: str, kind: str) -> Entry:
    for entry in entries:
        if entry.id == wanted:
            return entry
    raise Refusal(HTTPStatus.NOT_FOUND, f"{kind} {wanted} - could not be found")


def _no_server(call: Call) -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, f"server {call.path['id']} - could not be found")


def _brief(collection: str, entry_id: str, name: str) -> dict[str, Any]:
    return {"id": entry_id, "name": name, "links": _links(collection, entry_id)}


def _links(collection: str, entry_id: str) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"/v2.1/{collection}/{entry_id}"}]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
