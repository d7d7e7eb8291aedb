"""A TRex server as the worker uses it: connect, load a profile in parts, start and stop the parts.

The only module besides ``worker`` that deals with objects of TRex's library; it gets the library as an argument.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hitless.traffic.capture import remove_leftovers
from hitless.traffic.counters import CountedGroup, Sampler
from hitless.traffic.errors import TrafficError
from hitless.traffic.profile import describe, streams_by_part
from hitless.traffic.refusals import reworded
from hitless.traffic.rpc import TrexRpc
from hitless.traffic.server import plain_port

_log = logging.getLogger(__name__)

USER = "hitless"
"""Owner of the ports, as other users of the TRex server see it."""
FIRST_PART = "main"
"""This part goes into the ports' default profile, every other one into a dynamic profile of its name."""


class Generator:
    """A connection to a TRex server, and the traffic that was loaded over it."""

    def __init__(self, trex: Any, server: str, sync_port: int, async_port: int, timeout_s: float) -> None:
        """Connect.

        Raises:
            TrafficError: nobody answers there, or the server is no stateless TRex of a version that the client knows.
        """
        self._trex = trex
        self.subject = f"TRex server {server}:{sync_port}"
        self._client = trex.STLClient(
            username=USER,
            server=server,
            sync_port=sync_port,
            async_port=async_port,
            sync_timeout=timeout_s,
            async_timeout=timeout_s,
        )
        with self._translated("connect"):
            self._client.connect()
        self.rpc = TrexRpc(self._client, self.subject)
        self.ports: tuple[int, ...] = ()
        self.groups: list[dict[str, Any]] = []
        self._running: set[str] = set()
        self._started: set[str] = set()

    def info(self) -> dict[str, Any]:
        """Return version, builder, mode and ports of the server."""
        system = self._client.get_server_system_info()
        version = self._client.get_server_version()
        ports = sorted(system["ports"], key=lambda port: port["index"])  # the server lists them in any order
        return {
            "version": version["version"],
            "built_by": version.get("built_by", ""),
            "mode": version["mode"],
            "hostname": system["hostname"],
            "ports": [self._port_info(port) for port in ports],
        }

    def _port_info(self, port: dict[str, Any]) -> dict[str, Any]:
        status = self.rpc.call("get_port_status", port_id=port["index"], profile_id="*", block=False)
        return plain_port(port, status)

    def prepare(self, profile: Path, tunables: Sequence[str], ports: Sequence[int], *, force: bool) -> None:
        """Acquire two ports, clear them, load all parts of the profile; ``groups`` tells them.

        Args:
            profile: a TRex profile with ``register()`` and ``describe()``.
            tunables: what follows ``-t`` in trex-console, without ``--part``.
            ports: the users' port and the network's.
            force: take ports away from whoever owns them.

        Raises:
            TrafficError: a port is missing or owned by somebody else, or the profile is wrong.
        """
        existing = self._client.get_all_ports()
        missing = [port for port in ports if port not in existing]
        if missing or len(set(ports)) != 2:
            problem = f"ports {list(ports)} - Expected: two different ports of {existing}"
            raise TrafficError(self.subject, problem)
        groups = describe(profile, tunables)
        self._acquire(ports, force=force)
        with self._translated("load the profile"):
            self._clear()
            for part, direction, streams in streams_by_part(self._trex, profile, tunables, groups, ports):
                self._client.add_streams(streams, ports=self._profile(direction, part))
        self.groups = groups

    def _acquire(self, ports: Sequence[int], *, force: bool) -> None:
        owned = self._client.get_acquired_ports()
        wanted = [port for port in ports if force or port not in owned]
        try:
            if wanted:
                self._client.acquire(wanted, force=force, sync_streams=False)
        except self._trex.TRexError as error:
            hint = "" if force else " - Expected: free ports; with force they are taken away from their owner"
            raise TrafficError(self.subject, f"acquire ports {wanted}: {_brief(error)}{hint}") from error
        self.ports = tuple(ports)
        self._running.clear()
        self._started.clear()

    def _clear(self) -> None:
        """Bring the ports into a known state. STLClient.reset would also remove other users' captures."""
        for port in self.ports:
            self._client.ports[port].sync()  # whoever had it until now may have loaded and started anything
        self._stop_and_remove(self.ports)
        # A server does not leave service mode while a capture on the port is active.
        leftovers = remove_leftovers(self.rpc, self.ports)
        if leftovers:
            _log.warning("removed %d captures of an earlier run", leftovers)
        self._client.set_service_mode(list(self.ports), enabled=False)
        supported = [port for port in self.ports if self._client.ports[port].is_prom_supported()]
        if supported:
            # What comes back may carry any destination MAC, depending on how the system under test is attached.
            self._client.set_port_attr(supported, promiscuous=True)

    def _profile(self, direction: int, part: str) -> str:
        """Return the name that TRex's client gives to a part on a port."""
        port = self.ports[direction]
        return str(port) if part == FIRST_PART else f"{port}.{part}"

    def start(self, part: str) -> dict[str, int]:
        """Start a part on all its ports; return the interval in which that happened.

        Raises:
            TrafficError: there is no such part, it was started before, or the server refuses.
        """
        profiles = self._profiles(part)
        if part in self._started:
            # TRex would count from zero again, and the flow variables too: two runs in one recording.
            raise TrafficError(f"traffic part {part}", "was started before - Expected: prepare before each start")
        asked_ns = time.monotonic_ns()
        with self._translated(f"start part {part}"):
            self._client.start(ports=profiles, mult="1", duration=-1)
        self._started.add(part)
        self._running.add(part)
        return {"asked_ns": asked_ns, "answered_ns": time.monotonic_ns()}

    def stop(self, part: str) -> dict[str, int]:
        """Stop a part; packets of it that are still on their way go on being counted.

        Raises:
            TrafficError: there is no such part, or the server does not answer.
        """
        asked_ns = time.monotonic_ns()
        # The network's side first: its packets belong to sessions that the users' side has to open before.
        for name in reversed(self._profiles(part)):
            port, _, profile_id = name.partition(".")
            # Not STLClient.stop: it blocks until it removes the filters that count what is still coming in.
            answer = self._client.ports[int(port)].stop(force=True, profile_id=profile_id or "_")
            if not answer:
                raise TrafficError(self.subject, f"stop part {part}: {answer.err()}")
        self._running.discard(part)
        return {"asked_ns": asked_ns, "answered_ns": time.monotonic_ns()}

    def stop_all(self) -> None:
        """Stop every part that runs.

        Raises:
            TrafficError: the server does not answer.
        """
        for part in sorted(self._running):
            self.stop(part)

    def _profiles(self, part: str) -> list[str]:
        directions = sorted({group["port"] for group in self.groups if group["part"] == part})
        if not directions:
            known = sorted({group["part"] for group in self.groups})
            raise TrafficError(f"traffic part {part}", f"is not loaded - Expected: one of {known}")
        return [self._profile(direction, part) for direction in directions]

    def sampler(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> Sampler:
        """Return a sampler of the loaded groups.

        Raises:
            TrafficError: nothing is loaded.
        """
        if not self.groups:
            raise TrafficError(self.subject, "no traffic is loaded - Expected: prepare first")
        counted = [
            CountedGroup(g["pg_id"], g["name"], self.ports[g["port"]], self.ports[1 - g["port"]]) for g in self.groups
        ]
        return Sampler(self.rpc, counted, self.ports, clock_ns)

    def probe_ports(self) -> list[int]:
        """Return the ports on which probes arrive."""
        return sorted({self.ports[1 - group["port"]] for group in self.groups if group["kind"] == "probe"})

    def reset(self, ports: Sequence[int]) -> None:
        """Take the ports, whoever owns them, stop and remove all traffic on them, and release them.

        Raises:
            TrafficError: the server does not answer or refuses.
        """
        self._acquire(ports, force=True)
        with self._translated("reset"):
            self._clear()
        self.release()

    def release(self) -> None:
        """Stop and remove our traffic and give the ports back.

        Raises:
            TrafficError: the server does not answer.
        """
        owned = [port for port in self.ports if port in self._client.get_acquired_ports()]
        if owned:
            with self._translated("release"):
                self._stop_and_remove(owned)
                self._client.release(owned)
        self.ports, self.groups = (), []
        self._running.clear()
        self._started.clear()

    def _stop_and_remove(self, ports: Sequence[int]) -> None:
        everything = [f"{port}.*" for port in ports]
        self._client.stop(ports=everything)
        self._client.remove_all_streams(ports=everything)

    def disconnect(self) -> None:
        """Leave the server as it was found; never raise."""
        with contextlib.suppress(TrafficError, self._trex.TRexError):
            self.release()
        with contextlib.suppress(Exception):  # the library raises whatever it likes when the server is gone
            self._client.disconnect(stop_traffic=False, release_ports=False)

    @contextlib.contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Turn the library's errors, assertions included, into TrafficError."""
        try:
            yield
        except TrafficError:
            raise
        except self._trex.TRexError as error:
            raise TrafficError(self.subject, f"{action}: {_brief(error)}") from error
        except (AssertionError, KeyError, TypeError, AttributeError) as error:
            problem = f"{action}: the client library failed with {type(error).__name__}: {error}"
            raise TrafficError(self.subject, problem) from error


def _brief(error: Any) -> str:
    return reworded(str(error.brief()))
