"""The resources of SOL003 ``/vnflcm/v2`` that upgrades need."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.vnfm import filters, views
from lab.vnfm.bodies import (
    CancelBody,
    ChangePackageBody,
    CreateBody,
    HealBody,
    InstantiateBody,
    OperateBody,
    ScaleBody,
    SubscriptionBody,
    TerminateBody,
    parse,
)
from lab.vnfm.documents import Documents
from lab.vnfm.engine import Engine
from lab.vnfm.notifications import DeliveryError, Notifier, check_callback
from lab.vnfm.problem import not_found, unprocessable
from lab.vnfm.records import InstanceRecord, OperationRecord, SubscriptionRecord
from lab.vnfm.store import Store
from lab.vnfm.transport import API_VERSIONS, application, unversioned, versioned

_INSTANCE_DETAILS: Final = frozenset(
    {"vnfConfigurableProperties", "vimConnectionInfo", "instantiatedVnfInfo", "metadata", "extensions"}
)
"""Attributes that a list of VNF instances leaves out unless asked for."""


def vnf_lcm_api(engine: Engine, store: Store, notifier: Notifier, documents: Documents) -> Starlette:
    """Make the ASGI application."""
    instances = _Instances(engine, store, documents)
    operations = _Operations(engine, store, documents)
    subscriptions = _Subscriptions(store, notifier, documents)
    root = views.API_PATH
    one_instance, one_operation = f"{root}/vnf_instances/{{id}}", f"{root}/vnf_lcm_op_occs/{{id}}"
    return application(
        [
            unversioned("/vnflcm/api_versions", _api_versions),
            unversioned(f"{root}/api_versions", _api_versions),
            versioned(f"{root}/vnf_instances", get=instances.list, post=instances.create),
            versioned(one_instance, get=instances.get, delete=instances.delete),
            versioned(f"{one_instance}/instantiate", post=instances.instantiate),
            versioned(f"{one_instance}/change_vnfpkg", post=instances.change_package),
            versioned(f"{one_instance}/scale", post=instances.scale),
            versioned(f"{one_instance}/heal", post=instances.heal),
            versioned(f"{one_instance}/operate", post=instances.operate),
            versioned(f"{one_instance}/terminate", post=instances.terminate),
            versioned(f"{root}/vnf_lcm_op_occs", get=operations.list),
            versioned(one_operation, get=operations.get),
            versioned(f"{one_operation}/retry", post=operations.retry),
            versioned(f"{one_operation}/rollback", post=operations.roll_back),
            versioned(f"{one_operation}/fail", post=operations.fail),
            versioned(f"{one_operation}/cancel", post=operations.cancel),
            versioned(f"{root}/subscriptions", get=subscriptions.list, post=subscriptions.create),
            versioned(f"{root}/subscriptions/{{id}}", get=subscriptions.get, delete=subscriptions.delete),
        ]
    )


def _api_versions() -> dict[str, Any]:
    return {
        "uriPrefix": views.API_PATH,
        "apiVersions": [{"version": version, "isDeprecated": False} for version in API_VERSIONS],
    }


def _list(request: Request, documents: list[dict[str, Any]], omitted: frozenset[str]) -> Response:
    """Answer a list request: filter first, then leave out what was not asked for."""
    query = request.query_params
    chosen = filters.select(documents, query.get("filter"))
    if "all_fields" in query:
        omitted = frozenset()
    elif "exclude_fields" in query:
        omitted = frozenset(query["exclude_fields"].split(","))
    elif "fields" in query:
        omitted -= set(query["fields"].split(","))
    return JSONResponse([{name: value for name, value in one.items() if name not in omitted} for one in chosen])


class _Instances:
    def __init__(self, engine: Engine, store: Store, documents: Documents) -> None:
        self._engine = engine
        self._store = store
        self._documents = documents

    def list(self, request: Request, _body: Any) -> Response:
        documents = [self._documents.instance(record) for record in self._store.all(InstanceRecord)]
        return _list(request, documents, _INSTANCE_DETAILS)

    def create(self, _request: Request, body: Any) -> Response:
        record = self._engine.create(parse(CreateBody, body))
        location = self._documents.links.instance(record.id)
        return JSONResponse(
            self._documents.instance(record), status_code=HTTPStatus.CREATED, headers={"Location": location}
        )

    def get(self, request: Request, _body: Any) -> Response:
        instance_id = request.path_params["id"]
        found = self._store.get_versioned(InstanceRecord, instance_id)
        if found is None:
            raise not_found(f"VNF instance {instance_id} - not found")
        record, version = found
        return JSONResponse(self._documents.instance(record), headers={"ETag": f'"{version}"'})

    def delete(self, request: Request, _body: Any) -> Response:
        self._engine.delete(request.path_params["id"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def instantiate(self, request: Request, body: Any) -> Response:
        return self._accepted(self._engine.instantiate(request.path_params["id"], parse(InstantiateBody, body), body))

    def change_package(self, request: Request, body: Any) -> Response:
        return self._accepted(
            self._engine.change_package(request.path_params["id"], parse(ChangePackageBody, body), body)
        )

    def scale(self, request: Request, body: Any) -> Response:
        return self._accepted(self._engine.scale(request.path_params["id"], parse(ScaleBody, body), body))

    def heal(self, request: Request, body: Any) -> Response:
        wanted = {} if body is None else body  # every attribute is optional
        return self._accepted(self._engine.heal(request.path_params["id"], parse(HealBody, wanted), wanted))

    def operate(self, request: Request, body: Any) -> Response:
        return self._accepted(self._engine.operate(request.path_params["id"], parse(OperateBody, body), body))

    def terminate(self, request: Request, body: Any) -> Response:
        return self._accepted(self._engine.terminate(request.path_params["id"], parse(TerminateBody, body), body))

    def _accepted(self, operation: OperationRecord) -> Response:
        return Response(
            status_code=HTTPStatus.ACCEPTED, headers={"Location": self._documents.links.operation(operation.id)}
        )


class _Operations:
    def __init__(self, engine: Engine, store: Store, documents: Documents) -> None:
        self._engine = engine
        self._store = store
        self._documents = documents

    def list(self, request: Request, _body: Any) -> Response:
        documents = [self._documents.operation(record) for record in self._store.all(OperationRecord)]
        return _list(request, documents, views.OPERATION_DETAILS)

    def get(self, request: Request, _body: Any) -> Response:
        operation_id = request.path_params["id"]
        record = self._store.get(OperationRecord, operation_id)
        if record is None:
            raise not_found(f"VNF LCM operation occurrence {operation_id} - not found")
        return JSONResponse(self._documents.operation(record))

    def retry(self, request: Request, _body: Any) -> Response:
        return self._accepted(self._engine.retry(request.path_params["id"]))

    def roll_back(self, request: Request, _body: Any) -> Response:
        return self._accepted(self._engine.roll_back(request.path_params["id"]))

    def fail(self, request: Request, _body: Any) -> Response:
        record = self._engine.fail(request.path_params["id"])
        return JSONResponse(self._documents.operation(record))

    def cancel(self, request: Request, body: Any) -> Response:
        return self._accepted(self._engine.cancel(request.path_params["id"], parse(CancelBody, body)))

    def _accepted(self, record: OperationRecord) -> Response:
        return Response(status_code=HTTPStatus.ACCEPTED, headers=dict(self._documents.task_headers(record)))


class _Subscriptions:
    def __init__(self, store: Store, notifier: Notifier, documents: Documents) -> None:
        self._store = store
        self._notifier = notifier
        self._documents = documents

    def list(self, request: Request, _body: Any) -> Response:
        documents = [self._documents.subscription(record) for record in self._store.all(SubscriptionRecord)]
        return _list(request, documents, frozenset())

    def create(self, _request: Request, body: Any) -> Response:
        wanted = parse(SubscriptionBody, body)
        if wanted.authentication is not None:
            raise unprocessable("authentication - not supported by this VNFM - send the subscription without it")
        try:
            check_callback(wanted.callback_uri)
        except DeliveryError as error:
            raise unprocessable(f"callbackUri - {error}") from error
        chosen = wanted.filter
        record = SubscriptionRecord(
            id=str(uuid4()),
            callback_uri=wanted.callback_uri,
            filter=None if chosen is None else chosen.model_dump(mode="json", by_alias=True, exclude_none=True),
            verbosity=wanted.verbosity,
        )
        self._store.put(record)
        self._notifier.add(record)
        location = self._documents.links.subscription(record.id)
        return JSONResponse(
            self._documents.subscription(record),
            status_code=HTTPStatus.CREATED,
            headers={"Location": location},
        )

    def get(self, request: Request, _body: Any) -> Response:
        subscription_id = request.path_params["id"]
        record = self._store.get(SubscriptionRecord, subscription_id)
        if record is None:
            raise not_found(f"subscription {subscription_id} - not found")
        return JSONResponse(self._documents.subscription(record))

    def delete(self, request: Request, _body: Any) -> Response:
        subscription_id = request.path_params["id"]
        if not self._store.delete(SubscriptionRecord, subscription_id):
            raise not_found(f"subscription {subscription_id} - not found")
        self._notifier.remove(subscription_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)
