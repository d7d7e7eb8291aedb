"""What makes one procedure different from others, and how each is recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hitless.history import Ending, Event, TrafficGroup
from hitless.mano.answer import Exchange
from hitless.procedures.bench import Bench
from hitless.procedures.initial_state import InitialState
from hitless.procedures.rig import Means, Rig, version_marks
from hitless.recording import RecordingPlan, RecordingWriter
from hitless.traffic import TrafficError, TrafficGenerator


@dataclass(frozen=True, slots=True)
class Script:
    """What makes one procedure different from others.

    Attributes:
        procedure: its name.
        load_percent: offered load in percent of the declared rated capacity.
        perform: does it; the traffic runs from before the first phase until it returns.
        tunables: further arguments of the traffic profile.
        parameters: what else stands in the manifest.
    """

    procedure: str
    load_percent: float
    perform: Callable[[Rig], None]
    tunables: tuple[str, ...] = ()
    parameters: Mapping[str, Any] | None = None


def record(bench: Bench, folder: Path, script: Script) -> None:
    """Record one procedure into an empty folder and leave the VNF as the procedure left it.

    Raises:
        InitialStateError: the VNF could not be brought into service; there is no recording then.
        TrafficError: the generator could not be prepared; there is no recording then.
    """
    exchanges: list[Exchange] = []
    with contextlib.ExitStack() as stack:
        instance_id = bench.sut.vnf.instance_id or ""
        if bench.sut.mano.sol003 is not None:
            vnfm = stack.enter_context(bench.make_vnfm(bench.sut.mano.vnfm, on_exchange=exchanges.append))
            state = InitialState(bench.sut, vnfm, say=bench.say, clock_ns=bench.clock_ns, sleep=bench.sleep)
            instance_id = state.establish().id
        traffic = stack.enter_context(bench.make_traffic(bench.log_folder / "traffic-worker.log"))
        groups = _prepare(bench, traffic, script)
        writer = stack.enter_context(RecordingWriter(folder, _plan(bench, groups, script)))
        for exchange in exchanges:
            writer.http(exchange)
        writer.finish(*_perform(bench, instance_id, Means(traffic, groups, writer), script.perform))


def _prepare(bench: Bench, traffic: TrafficGenerator, script: Script) -> tuple[TrafficGroup, ...]:
    declared = bench.sut.traffic
    trex = declared.trex
    traffic.connect(trex.server, trex.sync_port, trex.async_port)
    arguments = (*bench.sut.profile_arguments(script.load_percent), *script.tunables)
    ports = (declared.ports.users, declared.ports.network)
    planned = traffic.prepare(Path(declared.profile), arguments, ports, force=trex.force_acquire)
    return tuple(one.group for one in planned)


def _plan(bench: Bench, groups: tuple[TrafficGroup, ...], script: Script) -> RecordingPlan:
    vnf = bench.sut.vnf
    more = dict(script.parameters or {})
    return RecordingPlan(
        procedure=script.procedure,
        parameters={"profile": bench.profile, "load_percent": script.load_percent, **more},
        versions=version_marks(bench.sut),
        instance_mark=vnf.marks.instance,
        groups=groups,
        rated_capacity_pps=vnf.rated_capacity.value_pps,
        session_timeout_s=vnf.session_timeout_s,
        sut=bench.sut.public(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _perform(bench: Bench, instance_id: str, means: Means, perform: Callable[[Rig], None]) -> tuple[Ending, str]:
    """Do everything; return how it ended and why. Trouble of the system under test is part of the history."""
    try:
        with contextlib.ExitStack() as stack:
            vnfm = None
            if bench.sut.mano.sol003 is not None:
                vnfm = stack.enter_context(bench.make_vnfm(bench.sut.mano.vnfm, on_exchange=means.writer.http))
            rig = Rig(bench, instance_id, vnfm, means)
            stack.enter_context(rig.running())
            return rig.play(perform)
    except TrafficError as error:
        means.writer.event(Event(bench.clock_ns(), "tester-trouble", {"message": str(error)}))
        bench.say(f"the traffic generator failed: {error}")
        return Ending.STOPPED_BY_TESTER, str(error)
