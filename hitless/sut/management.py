"""The management side of a declaration: MANO and the tester's endpoint for its notifications."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from hitless.sut.base import INLINE, SHOWN, ExistingFile, HttpUrl, Seconds, Section, Text, wrong
from hitless.sut.secret import Secret

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-impl:[!-~]+)?")


def _api_version(value: str) -> str:
    if not _VERSION.fullmatch(value):
        remedy = "ask the VNFM: GET {api_root}/vnflcm/api_versions"
        raise wrong("wrong value", "major.minor.patch, such as 2.0.0", value, remedy)
    if not value.startswith("2."):
        raise wrong("wrong value", "a version 2.x.y, which knows change_vnfpkg", value, "name a version 2 of vnflcm")
    return value


def _api_root(value: str) -> str:
    found = re.search(r"/(vnflcm|vnfpkgm)(/|$)", value)
    if found:
        api = f"/{found[1]}"
        raise wrong("wrong value", f"what stands before {api}", value, f"end it before {api}")
    return value


ApiRoot = Annotated[HttpUrl, AfterValidator(_api_root)]


class UndeclaredError(ValueError):
    """Something was asked for that the declaration does not have."""


class Auth(Section):
    """How the tester proves to a server who it is."""

    type: Literal["none", "basic"] = Field(default="none", description="none, or basic (HTTP Basic)")
    username: Text | None = Field(default=None, description="for basic", examples=["tester"])
    password: Secret | None = Field(
        default=None,
        repr=False,
        description="for basic: {env: NAME} or {file: PATH}; the password itself never stands here",
        examples=[{"env": "VNFM_PASSWORD"}],
        json_schema_extra=INLINE,
    )

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        given = [name for name in ("username", "password") if getattr(self, name) is not None]
        if self.type == "basic" and len(given) < 2:
            actual = " and ".join(given) or "neither"
            raise wrong("missing", "username and password, as type is basic", actual, "add what is missing")
        if self.type == "none" and given:
            raise wrong(
                "wrong value", "no username and no password, as type is none", " and ".join(given), "type: basic"
            )
        return self


class Interface(Section):
    """How a server is spoken to, whatever it offers."""

    api_root: ApiRoot = Field(description="URL of the server up to, without, the API's name")
    auth: Auth = Field(default_factory=Auth, description="how the tester proves who it is")
    ca: ExistingFile | None = Field(
        default=None,
        description="PEM file with the certificate authority of an https server; without it the usual ones are trusted",
        examples=["vnfm-ca.pem"],
    )
    timeout_s: Seconds = Field(default=10, description="longest time for one request and its answer")


class Sol003(Interface):
    """The VNFM's SOL003 interface."""

    api_root: ApiRoot = Field(description="URL of the VNFM up to, without, /vnflcm", examples=["http://127.0.0.1:9890"])
    version: Annotated[str, AfterValidator(_api_version)] = Field(
        default="2.0.0", description="version of the vnflcm API that is asked for in each request"
    )


class Packages(Interface):
    """The NFVO's SOL003 interface for packages, by which the tester sees which are on board and in use."""

    api_root: ApiRoot = Field(
        description="URL of the NFVO up to, without, /vnfpkgm", examples=["http://127.0.0.1:9891"]
    )
    version: Annotated[str, AfterValidator(_api_version)] = Field(
        default="2.0.0", description="version of the vnfpkgm API that is asked for in each request"
    )


class Mano(Section):
    """How MANO is reached.

    Attributes:
        sol003: None where the upgrade is triggered by a command or by hand and nothing of MANO can be seen; who cannot
            do without takes it from ``vnfm``.
    """

    sol003: Sol003 | None = Field(
        default=None,
        description="the VNFM; only an upgrade that is triggered by a command or by hand can do without it",
        json_schema_extra=SHOWN,
    )
    packages: Packages | None = Field(
        default=None, description="the NFVO's packages; without it, usageState of packages is not looked at"
    )
    poll_interval_ms: int = Field(
        default=100, ge=10, le=200, description="an operation's state is asked for this often; at most 200"
    )

    @property
    def vnfm(self) -> Sol003:
        """The VNFM's interface.

        Raises:
            UndeclaredError: ``mano.sol003`` is not declared.
        """
        if self.sol003 is None:
            raise UndeclaredError(
                "mano.sol003 - not declared - Expected: the VNFM's interface, Actual: none - declare it in sut.yaml"
            )
        return self.sol003


class Notifications(Section):
    """The tester's own endpoint for notifications."""

    bind: str = Field(default="127.0.0.1", description="address on this host on which the tester listens")
    port: int = Field(default=0, ge=0, le=65535, description="TCP port; 0 takes any free one")
    public_url: HttpUrl | None = Field(
        default=None,
        description="what MANO shall call where bind and port are not enough (NAT, proxy); needs a fixed port",
        examples=["http://tester.example.org:18010/notifications"],
    )

    @model_validator(mode="after")
    def _reachable(self) -> Notifications:
        try:
            address = ipaddress.ip_address(self.bind)
        except ValueError:
            raise wrong("wrong value", "bind: an IP address of this host", self.bind, "write the address") from None
        if self.public_url is None and address.is_unspecified:
            remedy = "bind to the address that MANO can reach, or add public_url"
            raise wrong("missing", f"public_url, as {self.bind} is no address to call", "none", remedy)
        if self.public_url is not None and self.port == 0:
            raise wrong("wrong value", "a fixed port, as public_url leads to it", "port 0", "set the port")
        return self
