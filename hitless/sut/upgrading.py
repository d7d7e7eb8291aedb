"""How the upgrade is triggered, what the VNF can do when one goes wrong, and how selection rules are set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hitless.sut.base import SHOWN, HttpUrl, Json, Seconds, Section, Text, wrong

Command = Annotated[tuple[Text, ...], Field(strict=False)]
"""A program and its arguments, each an item of a list: no shell reads it."""


class Upgrade(Section):
    """How the upgrade is asked for and how long it may take."""

    trigger: Literal["sol003", "command", "manual"] = Field(
        default="sol003",
        description="sol003: the tester sends change_vnfpkg to the VNFM; command: it runs upgrade.command; manual: it"
        " says when, and somebody starts the upgrade",
    )
    command: Command = Field(
        default=(),
        description="for trigger command: program and arguments, run where hitless was started; exit code 0 says"
        " that the upgrade has been asked for; its arguments are shown in reports",
        examples=[["helm", "upgrade", "gateway", "./chart-2.0"]],
    )
    first_share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of new sessions that the target version shall get in the first step",
        examples=[0.1],
    )
    additional_params: Json = Field(
        default_factory=dict,
        repr=False,
        description="additionalParams of ChangeCurrentVnfPkgRequest, handed on as they are",
        examples=[{"upgrade_type": "RollingUpdate"}],
    )
    step_params: Json = Field(
        default_factory=dict,
        repr=False,
        description="additionalParams on top of those, for upgrades that the tester interrupts on purpose: make"
        " steps as long as that needs",
        examples=[{"step_hold_s": 5}],
    )
    ext_virtual_links: tuple[Json, ...] = Field(
        default=(),
        strict=False,
        repr=False,
        description="extVirtualLinks of ChangeCurrentVnfPkgRequest, handed on as they are",
    )
    deadline_s: Seconds = Field(default=600, description="the operation must have ended this long after the request")
    drain_timeout_s: Seconds = Field(
        default=60, description="longest time that the system waits for sessions of the old version to end"
    )

    @model_validator(mode="after")
    def _triggered(self) -> Upgrade:
        if self.trigger == "command" and not self.command:
            raise wrong("missing", "command, as trigger is command", "none", "add command: [program, argument, ...]")
        if self.trigger != "command" and self.command:
            actual = f"trigger {self.trigger}"
            raise wrong("wrong value", "trigger command, as there is a command", actual, "trigger: command")
        return self


class Rollback(Section):
    """What the system can do about an upgrade that goes wrong; what it cannot is not asked of it, and reported."""

    supported: bool = Field(default=True, description="an operation in FAILED_TEMP can be rolled back")
    cancel: bool = Field(default=True, description="an upgrade that runs can be cancelled")
    retry: bool = Field(default=True, description="an operation in FAILED_TEMP can be retried")
    fail: bool = Field(default=True, description="an operation in FAILED_TEMP can be given up (fail)")
    downgrade: bool = Field(default=True, description="change_vnfpkg from the target back to the source package works")


class DeciderHttp(Section):
    """A server that sets selection rules."""

    url: HttpUrl = Field(
        description="PUT with {rules: [{name, users, service_port, version}]} replaces all of them; 2xx says that they"
        " are in force",
        examples=["http://127.0.0.1:8005/rules"],
    )
    timeout_s: Seconds = Field(default=5, description="longest time for one request and its answer")


class Decider(Section):
    """The adapter through which the tester tells the traffic decider which new sessions the target version gets."""

    http: DeciderHttp | None = Field(
        default=None, description="a server that sets the rules; either this or command", json_schema_extra=SHOWN
    )
    command: Command = Field(
        default=(),
        description="program and arguments that set the rules, which are JSON on its standard input; exit code 0 says"
        " that they are in force; its arguments are shown in reports",
        examples=[["./set-rules", "--wait"]],
    )
    hold_params: Json = Field(
        default_factory=dict,
        repr=False,
        description="additionalParams of an upgrade that keeps both versions in service, with none of the share for the"
        " target, while rules are tried",
        examples=[{"canary_share": 0, "canary_hold_s": 300}],
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Decider:
        if (self.http is None) == (not self.command):
            actual = "both" if self.command else "neither"
            raise wrong("wrong value", "http or command", actual, "say in one way how rules are set")
        return self
