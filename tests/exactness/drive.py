"""Run as a program in a private namespace: carries out the plans of a folder, one recording each.

``python -m tests.exactness.drive FOLDER PROFILE``. The generator is a process; the suite speaks to it as to any TRex.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath

from hitless.history import Ending
from hitless.recording import RecordingPlan, RecordingWriter
from hitless.sessions import Layout
from hitless.traffic import PlannedGroup, TrafficGenerator
from tests.exactness import kernel
from tests.exactness.plans import WITNESS, Plan, ReaderStop, TrueWindow, Truth, load_plans, save_truth
from tests.exactness.ruleset import HOLD_OUT, NEAR, PORT0, PORT1, Group, Path, Window, sessions, whole_units

WINDOWS_AFTER_S = 0.7
_ENDING_S = 10


def main() -> None:
    """Bring up path and generator, run every plan."""
    folder, profile = FilePath(sys.argv[1]), FilePath(sys.argv[2])
    kernel.make_devices()
    generator = ["lab.generator", "--port0", PORT0, "--port1", PORT1]
    with process(generator, folder / "generator.log") as server, TrafficGenerator(folder / "worker.log") as traffic:
        traffic.connect()
        for plan in load_plans(folder):
            (folder / plan.name).mkdir(exist_ok=True)
            save_truth(folder / plan.name, carry_out(plan, traffic, folder / plan.name, profile, server.pid))


@contextlib.contextmanager
def process(command: Sequence[str], log: FilePath) -> Iterator[subprocess.Popen[str]]:
    """Run a module as a process that says when it is ready."""
    with log.open("a") as errors:
        started = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        line = started.stdout.readline() if started.stdout else ""
        if "ready" not in line:
            raise RuntimeError(f"{command[0]} - Expected: ready, Actual: {line!r} - see {log}")
        yield started
    finally:
        started.terminate()
        started.wait(_ENDING_S)


def carry_out(plan: Plan, traffic: TrafficGenerator, folder: FilePath, profile: FilePath, server_pid: int) -> Truth:
    """Record one plan; return what the kernel counted."""
    groups = traffic.prepare(profile, plan.tunables)
    path = Path([_as_rules_see(group) for group in groups], plan.rules)
    kernel.put_in_force(path)
    offset_ns = kernel.wall_minus_monotonic_ns()
    with contextlib.ExitStack() as stack:
        if any(rule.action == "hold" for rule in plan.rules):
            detour = ["tests.exactness.detour", HOLD_OUT, str(plan.hold_ms)]
            stack.enter_context(process(detour, folder / "detour.log"))
        if plan.watched:
            witness = ["tests.exactness.witness", NEAR, str(folder / WITNESS)]
            stack.enter_context(process(witness, folder / "witness.log"))
        writer = stack.enter_context(RecordingWriter(folder, _recording_plan(plan, groups)))
        windows, accounting = _send(plan, traffic, folder, path, server_pid)
        writer.finish(Ending.COMPLETE)
    return _truth(plan, windows, accounting, offset_ns)


def _send(
    plan: Plan, traffic: TrafficGenerator, folder: FilePath, path: Path, server_pid: int
) -> tuple[list[Window], dict[str, object]]:
    traffic.record_start(folder)
    for part in plan.parts:
        traffic.start(part)
    began_s = time.monotonic()
    windows = _open_windows(plan, path)
    if plan.reader_stop is not None:
        _stop_reader(plan.reader_stop, began_s, server_pid)
    time.sleep(max(0.0, began_s + plan.run_s - time.monotonic()))
    return windows, traffic.record_stop()


def _open_windows(plan: Plan, path: Path) -> list[Window]:
    """Put the outages into the path while traffic flows; they lie in the future."""
    origin_ns = time.time_ns() + round(WINDOWS_AFTER_S * 1e9)
    names = list(plan.window_groups) or [group.name for group in path.groups]
    windows = [
        Window(
            f"window_{number}_{place}",
            whole_units(origin_ns + round(start_ms * 1e6)),
            whole_units(origin_ns + round((start_ms + length_ms) * 1e6)),
            name,
        )
        for number, (start_ms, length_ms) in enumerate(plan.windows_ms)
        for place, name in enumerate(names)
    ]
    if windows:
        kernel.add_windows(path, windows)
        late_s = (time.time_ns() - min(window.on_ns for window in windows)) / 1e9
        if late_s > 0:
            raise RuntimeError(f"windows - Expected: in force before the first begins, Actual: {late_s:.3f} s late")
    return windows


def _stop_reader(stop: ReaderStop, began_s: float, server_pid: int) -> None:
    pid = _receiver_of(server_pid)
    time.sleep(max(0.0, began_s + stop.after_s - time.monotonic()))
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(stop.for_s)
    finally:
        os.kill(pid, signal.SIGCONT)


def _receiver_of(server_pid: int) -> int:
    """Return the generator's receiving process."""
    for entry in FilePath("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == server_pid and b"receiver" in words:
                return int(entry.name)
    raise RuntimeError("generator - Expected: a receiving process, Actual: none")


def _truth(plan: Plan, windows: Sequence[Window], accounting: dict[str, object], offset_ns: int) -> Truth:
    counted = kernel.counters()
    return Truth(
        counters=counted,
        sessions={rule.name: kernel.session_counters(sessions(rule.name)) for rule in plan.rules if rule.by_session},
        windows=[TrueWindow(w.group, w.on_ns - offset_ns, w.off_ns - offset_ns, counted[w.name]) for w in windows],
        accounting=accounting,
        clock_step_ns=kernel.wall_minus_monotonic_ns() - offset_ns,
    )


def _as_rules_see(planned: PlannedGroup) -> Group:
    group = planned.group
    layout = Layout.from_data(group.layout)
    return Group(group.name, group.direction, str(group.layout["user_base"]), layout.user_count)


def _recording_plan(plan: Plan, groups: Sequence[PlannedGroup]) -> RecordingPlan:
    return RecordingPlan(
        procedure="exactness",
        parameters={"profile": "test", "plan": plan.name},
        versions={"1.0": "ip[8] == 64"},
        instance_mark="none",
        groups=tuple(planned.group for planned in groups),
        rated_capacity_pps=sum(planned.group.rate_pps for planned in groups),
        session_timeout_s=10,
    )


if __name__ == "__main__":
    main()
