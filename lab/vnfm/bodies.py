"""Request bodies of SOL003, as far as this VNFM reads them; unknown attributes are ignored, as SOL013 wants it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from lab.vnfm.problem import bad_request
from lab.vnfm.states import OperationState

Text = Annotated[str, Field(min_length=1, strict=True)]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class Body(BaseModel):
    """A request body: camelCase outside, snake_case inside."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class Limits(BaseModel):
    """How long parts of an operation may take, from ``additionalParams``.

    Attributes:
        ready_timeout_s: until new units are ready.
        drain_timeout_s: until units that are to go are idle; healing does not wait for that.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    ready_timeout_s: Seconds = 30.0
    drain_timeout_s: Seconds = 60.0


class CreateBody(Body):
    """``CreateVnfRequest``."""

    vnfd_id: Text
    vnf_instance_name: Text | None = None
    vnf_instance_description: Text | None = None
    metadata: dict[str, Any] = {}


class InstantiateBody(Body):
    """``InstantiateVnfRequest``."""

    flavour_id: Text


class ChangePackageBody(Body):
    """``ChangeCurrentVnfPkgRequest``; ``additionalParams`` belong to the upgrade procedure."""

    vnfd_id: Text
    additional_params: dict[str, Any] = {}


class TerminateBody(Body):
    """``TerminateVnfRequest``; a graceful termination waits for idle units, in seconds, at most as long as asked."""

    termination_type: Literal["GRACEFUL", "FORCEFUL"]
    graceful_termination_timeout: Annotated[int, Field(ge=0, le=3600, strict=True)] = 0


class ScaleBody(Body):
    """``ScaleVnfRequest``; ``additionalParams`` hold the time limits, see ``Limits``."""

    type: Literal["SCALE_OUT", "SCALE_IN"]
    aspect_id: Text
    number_of_steps: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    additional_params: Limits = Limits()


class HealBody(Body):
    """``HealVnfRequest``; without a list of VNFC instances every unit that is not healthy is replaced."""

    vnfc_instance_id: Annotated[list[Text], Field(min_length=1)] | None = None
    cause: Text | None = None
    additional_params: Limits = Limits()


class OperateBody(Body):
    """``OperateVnfRequest``; a graceful stop waits for idle units, in seconds, at most as long as asked."""

    change_state_to: Literal["STARTED", "STOPPED"]
    stop_type: Literal["FORCEFUL", "GRACEFUL"] = "FORCEFUL"
    graceful_stop_timeout: Annotated[int, Field(ge=0, le=3600, strict=True)] = 0


class CancelBody(Body):
    """``CancelMode``."""

    cancel_mode: Literal["GRACEFUL", "FORCEFUL"]


class _FilterPart(Body):
    # A filter that is not understood would let through what nobody asked for: refused instead of ignored.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class InstanceFilter(_FilterPart):
    """``VnfInstanceSubscriptionFilter`` without products."""

    vnfd_ids: list[Text] | None = None
    vnf_instance_ids: list[Text] | None = None
    vnf_instance_names: list[Text] | None = None


class LccnFilter(_FilterPart):
    """``LifecycleChangeNotificationsFilter``."""

    vnf_instance_subscription_filter: InstanceFilter | None = None
    notification_types: (
        list[
            Literal[
                "VnfLcmOperationOccurrenceNotification",
                "VnfIdentifierCreationNotification",
                "VnfIdentifierDeletionNotification",
            ]
        ]
        | None
    ) = None
    operation_types: list[Text] | None = None
    operation_states: list[OperationState] | None = None


class SubscriptionBody(Body):
    """``LccnSubscriptionRequest``."""

    callback_uri: Text
    filter: LccnFilter | None = None
    verbosity: Literal["FULL", "SHORT"] = "FULL"
    authentication: dict[str, Any] | None = None

    @field_validator("callback_uri")
    @classmethod
    def _is_http(cls, value: str) -> str:
        TypeAdapter(AnyHttpUrl).validate_python(value)
        return value


AnyBody = TypeVar("AnyBody", bound=Body)


def parse(kind: type[AnyBody], document: Any) -> AnyBody:
    """Check a body.

    Raises:
        ProblemError: 400; names every attribute that is wrong.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise bad_request(f"request body - {explain(error)}") from error


def explain(error: ValueError) -> str:
    """Say in one line what is wrong: every attribute with its fault, where the error knows them."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _place(location: tuple[int | str, ...]) -> str:
    return "/".join(str(part) for part in location) or "body"
