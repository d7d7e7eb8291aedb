"""The lab's processes in the order of their start, with their command lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.network import TESTER_PORTS, create_tester_links
from lab.parts import Parts
from lab.processes import Connection, ProcessSpec
from lab.readiness import HttpProbe, PortProbe, RedisProbe

_VNFM, _VIM, _DECIDER, _NFVO, _CONTROLLER = 8001, 8002, 8003, 8004, 8005
_GENERATOR_SYNC, _GENERATOR_ASYNC = 4501, 4500
_REDIS = 6379
_PACKAGES: Final = Path(__file__).resolve().parent / "vnf" / "packages"
_DISABLED_PACKAGE: Final = "0.9"


@dataclass(frozen=True)
class Places:
    """Folders of one lab.

    Attributes:
        state: What has to survive a restart of a process.
    """

    state: Path


def plan(parts: Parts, places: Places) -> tuple[ProcessSpec, ...]:
    """The processes; each needs only those before it."""
    return (
        _decider(parts),
        _generator(),
        _redis(places),
        _vim(parts),
        _controller(parts),
        _nfvo(places),
        _vnfm(parts, places),
    )


def _decider(parts: Parts) -> ProcessSpec:
    rules = ("--rules", parts.decider_rules, "--switching", parts.decider_switching)
    options = (*rules, "--pin-timeout-s", str(parts.pin_timeout_s))
    return ProcessSpec(
        name="decider",
        argv=_module("lab.decider", "--listen", _local(_DECIDER), *options),
        ready=HttpProbe(_DECIDER),
        connection=Connection(make=create_tester_links, done=HttpProbe(_DECIDER, flag="linked")),
    )


def _generator() -> ProcessSpec:
    users, network = TESTER_PORTS
    ports = ("--port0", users, "--port1", network)
    rpc = ("--rpc", str(_GENERATOR_SYNC), "--pub", str(_GENERATOR_ASYNC))
    return ProcessSpec("generator", _module("lab.generator", *ports, *rpc), PortProbe(_GENERATOR_SYNC))


def _redis(places: Places) -> ProcessSpec:
    """The state store that units share; what it holds is of no use to a later lab."""
    nothing_durable = ("--save", "", "--appendonly", "no", "--dir", str(places.state))
    # A title of its own making would overwrite the environment, by which what belongs to a run is found.
    here = (
        "--bind",
        "127.0.0.1",
        "--port",
        str(_REDIS),
        "--databases",
        "1",
        "--daemonize",
        "no",
        "--set-proc-title",
        "no",
    )
    # Unlike our own processes it does not ask the kernel to end with its parent; setpriv asks in its place.
    argv = ("setpriv", "--pdeathsig", "KILL", "redis-server", *here, *nothing_durable)
    return ProcessSpec("redis", argv, RedisProbe(_REDIS))


def _vim(parts: Parts) -> ProcessSpec:
    options = ("--catalogue", parts.compute_catalogue, "--decider", _url(_DECIDER), "--store", _local(_REDIS))
    return ProcessSpec("vim", _module("lab.vim", "--listen", _local(_VIM), *options), HttpProbe(_VIM))


def _controller(parts: Parts) -> ProcessSpec:
    options = ("--hash", parts.bucket_hash, "--decider", _url(_DECIDER))
    argv = _module("lab.controller", "--listen", _local(_CONTROLLER), *options)
    return ProcessSpec("controller", argv, HttpProbe(_CONTROLLER))


def _nfvo(places: Places) -> ProcessSpec:
    packages = ("--packages", str(_PACKAGES), "--disable", _DISABLED_PACKAGE, "--state", str(places.state / "nfvo"))
    # The VNFM is asked which packages are in use; that it starts later is no harm.
    argv = _module("lab.nfvo", "--listen", _local(_NFVO), *packages, "--vnfm", _url(_VNFM))
    return ProcessSpec("nfvo", argv, HttpProbe(_NFVO, "/vnfpkgm/api_versions"))


def _vnfm(parts: Parts, places: Places) -> ProcessSpec:
    below = ("--vim", _url(_VIM), "--decider", _url(_DECIDER), "--controller", _url(_CONTROLLER))
    around = (*below, "--nfvo", _url(_NFVO), "--store", str(places.state / "vnfm.sqlite"))
    options = (*around, "--procedure", parts.upgrade_procedure, *_vnfm_parts(parts))
    # SOL003 has no status resource; the list of API versions is the one that needs no state.
    ready = HttpProbe(_VNFM, "/vnflcm/api_versions")
    return ProcessSpec("vnfm", _module("lab.vnfm", "--listen", _local(_VNFM), *options), ready)


def _vnfm_parts(parts: Parts) -> tuple[str, ...]:
    engine, runner = ("--engine", parts.vnfm_engine), ("--runner", parts.vnfm_runner)
    return (*engine, *runner, "--journal", parts.vnfm_journal, "--documents", parts.vnfm_documents)


def _module(name: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *options)


def _local(port: int) -> str:
    return f"127.0.0.1:{port}"


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
