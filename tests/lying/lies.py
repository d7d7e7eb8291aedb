"""What goes wrong in each recording that is made on the wire, and how that is brought about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.lying import path
from tests.lying.bench import World

Act = Callable[[World], object]


@dataclass(frozen=True)
class Lie:
    """One recording.

    Attributes:
        load_pps: what the generator is asked for, and the system is declared for.
        took_s: how long the operation takes.
        acts: by phase, what is done so many seconds after it began; ``request`` counts from the request.
        final: state in which the operation ends; FAILED_TEMP is rolled back.
        shares: whether new sessions go to the new version meanwhile.
        silent: the generator is never started, and the tester thinks it was.
        small: environment of a generator and a worker that have less room (see small/sitecustomize.py).
        baseline_s: how long.
    """

    load_pps: int = 5000
    took_s: float = 1.4
    acts: Mapping[str, tuple[tuple[float, Act], ...]] = field(default_factory=dict)
    final: str = "COMPLETED"
    shares: bool = True
    silent: bool = False
    small: Mapping[str, str] = field(default_factory=dict)
    baseline_s: float = 1.15


def rule(text: str) -> Act:
    return lambda world: world.change(path.lie(text))


def honest(world: World) -> None:
    world.change(path.HONEST)


def stop(role: str) -> Act:
    return lambda world: world.stop(role)


def go_on(role: str) -> Act:
    return lambda world: world.go_on(role)


def drop_all(start_s: float, end_s: float) -> tuple[tuple[float, Act], ...]:
    return (start_s, rule(path.DROP)), (end_s, honest)


ONE_IN_200 = f"numgen inc mod 200 0 {path.DROP}"
LOAD = "ip saddr 10.1.0.0/19"
"""Packets that are counted and not captured."""
HIDDEN_COUNT = 40
"""Lost packets of load where more of an earlier run came in."""
HIDDEN_LOSS = f"{LOAD} numgen inc mod 1000000 < {HIDDEN_COUNT} {path.DROP}"
PROBES_LOST = f"ip saddr != 10.1.0.0/19 numgen inc mod 150 0 {path.DROP}"
"""Evenly, so that the baseline shows how many are lost later as well."""
LOAD_TWICE = f'{LOAD} numgen inc mod 10 0 dup to "f1"'
SMALL: Mapping[str, str] = {"LYING_RING_BLOCKS": "8", "LYING_CAPTURE_LIMIT": "800"}
UNMARKED = 'numgen inc mod 50 0 fwd to "f1"'

LIES: Mapping[str, Lie] = {
    "truth": Lie(
        baseline_s=2.5,
        acts={"tail": ((0.1, lambda world: world.begin_to_keep()), (0.3, lambda world: world.keep(300)))},
    ),
    # What the run before has left in the system comes in, and less than that of this one is lost. Only load: it does
    # not tell of which run it is, so that the generator counts it, while probes of another run are none.
    "late-packets": Lie(
        acts={"warm-up": ((0.2, lambda world: world.deliver()),), "request": ((0.3, rule(HIDDEN_LOSS)),)},
    ),
    # Two at once, as neither hides the other: load comes twice, probes are missing from the beginning on.
    "lossy-and-twice": Lie(acts={"warm-up": ((0.0, rule(PROBES_LOST)), (0.0, rule(LOAD_TWICE)))}),
    "no-marks": Lie(
        acts={
            "warm-up": ((0.0, rule(UNMARKED)),),
            "request": ((0.5, lambda world: world.mano.begin("SCALE", asked=False)),),
        }
    ),
    # A pause of more than a second in the window is none of a generator that is only late; it goes on in order to be
    # stopped in the end, and may then send a little.
    "stops-early": Lie(took_s=1.8, acts={"request": ((0.8, stop("sender")),), "end": ((0.0, go_on("sender")),)}),
    "no-overlap": Lie(acts={"warm-up": ((0.0, stop("sender")),), "request": ((1.0, go_on("sender")),)}),
    "silent": Lie(silent=True, took_s=0.3, baseline_s=0.2),
    "no-effect": Lie(final="FAILED_TEMP", shares=False, took_s=0.6),
    # Three times, as a stall while the worker waits for an answer of the generator looks like a slow answer.
    "stalled": Lie(
        acts={
            "request": (
                *((seconds, stop("hitless.traffic.worker")) for seconds in (0.38, 0.58, 0.78)),
                *((seconds, go_on("hitless.traffic.worker")) for seconds in (0.52, 0.72, 0.92)),
                *drop_all(0.6, 0.64),
            )
        }
    ),
    "cut-off": Lie(
        acts={
            "request": ((0.4, lambda _: path.nft(path.CUT_OFF)),),
            "after": ((0.0, lambda _: path.nft(path.CONNECTED)),),
        }
    ),
    # A third of the window is dark, and the meter lies in four ways at once.
    "outage": Lie(
        took_s=2.0,
        acts={
            "warm-up": ((0.0, rule(ONE_IN_200)), (0.0, rule(UNMARKED))),
            "request": (
                *drop_all(0.5, 1.7),
                (0.8, stop("hitless.traffic.worker")),
                (1.0, go_on("hitless.traffic.worker")),
                (1.2, lambda world: world.mano.begin("SCALE", asked=False)),
            ),
        },
    ),
    "too-much": Lie(load_pps=2_000_000, took_s=0.8, baseline_s=0.6),
    # One generator for both, as starting it takes longer than a recording of them.
    "small-ring": Lie(
        small=SMALL,
        acts={"request": ((0.4, stop("receiver")), (0.9, go_on("receiver")))},
    ),
    "small-capture": Lie(
        small=SMALL,
        acts={"request": ((0.4, stop("hitless.traffic.worker")), (0.8, go_on("hitless.traffic.worker")))},
    ),
}
"""In the order in which they are told; "late-packets" comes after the run whose packets they are."""
