"""Loading a TRex profile: what it says of its groups, and its streams part by part."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hitless.traffic.errors import TrafficError


def streams_by_part(
    trex: Any, profile: Path, tunables: Sequence[str], groups: Sequence[dict[str, Any]], ports: Sequence[int]
) -> Iterator[tuple[str, int, list[Any]]]:
    """Yield part, direction (0 or 1) and streams, for each part and each direction that has groups.

    Args:
        trex: TRex's library.
        profile: file of the profile.
        tunables: what follows ``-t`` in trex-console, without ``--part``.
        groups: what ``describe`` returned.
        ports: the users' port and the network's.

    Raises:
        TrafficError: the profile makes a stream that it does not describe.
    """
    described = {group["pg_id"] for group in groups}
    for part in dict.fromkeys(group["part"] for group in groups):
        for direction in sorted({group["port"] for group in groups if group["part"] == part}):
            loaded = trex.STLProfile.load(
                str(profile), direction=direction, port_id=ports[direction], tunables=[*tunables, "--part", part]
            )
            streams = loaded.get_streams()
            unknown = {stream.get_pg_id() for stream in streams} - described
            if unknown:
                raise TrafficError(f"traffic profile {profile}", f"streams with pg_id {unknown} are not described")
            yield part, direction, streams


def describe(profile: Path, tunables: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the profile says of its groups.

    Raises:
        TrafficError: the profile cannot be loaded, or refuses the tunables.
    """
    subject = f"traffic profile {profile}"
    spec = importlib.util.spec_from_file_location(f"profile_{profile.stem}", profile)
    if spec is None or spec.loader is None or not profile.is_file():
        raise TrafficError(subject, "no such file - Expected: a TRex profile written in Python")
    module = importlib.util.module_from_spec(spec)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            spec.loader.exec_module(module)
            return list(module.describe(list(tunables)))
    except SystemExit as error:
        lines = complaint.getvalue().strip().splitlines() or ["refused"]
        raise TrafficError(subject, f"tunables {list(tunables)}: {lines[-1]}") from error
    except Exception as error:
        raise TrafficError(subject, f"{type(error).__name__}: {error}") from error
