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
    took_s: float = 1.6
    acts: Mapping[str, tuple[tuple[float, Act], ...]] = field(default_factory=dict)
    final: str = "COMPLETED"
    shares: bool = True
    silent: bool = False
    small: Mapping[str, str] = field(default_factory=dict)
    baseline_s: float = 1.15


def rule(text: str) -> Act:
    return lambda _: path.nft(path.lie(text))


def honest(_: World) -> None:
    path.nft(path.HONEST)


def stop(role: str) -> Act:
    return lambda world: world.stop(role)


def go_on(role: str) -> Act:
    return lambda world: world.go_on(role)


def drop_all(start_s: float, end_s: float) -> tuple[tuple[float, Act], ...]:
    return (start_s, rule("drop")), (end_s, honest)


ONE_IN_200 = "numgen inc mod 200 0 drop"
LOAD_TWICE = 'ip saddr 10.1.0.0/19 numgen inc mod 10 0 dup to "f1"'
UNMARKED = 'numgen inc mod 50 0 fwd to "f1"'

LIES: Mapping[str, Lie] = {
    "truth": Lie(acts={"tail": ((0.1, lambda world: world.begin_to_keep()), (0.3, lambda world: world.keep(300)))}),
    # What the run before has left in the system comes in, and as much of this one is lost.
    "late-packets": Lie(
        acts={
            "warm-up": ((0.2, lambda world: world.deliver()),),
            "request": ((0.3, rule("numgen inc mod 2 0 drop")), (0.4, honest)),
        }
    ),
    "lossy-baseline": Lie(acts={"warm-up": ((0.0, rule(ONE_IN_200)),)}),
    "twice": Lie(acts={"warm-up": ((0.0, rule(LOAD_TWICE)),)}),
    "no-marks": Lie(
        acts={
            "warm-up": ((0.0, rule(UNMARKED)),),
            "request": ((0.5, lambda world: world.mano.begin("SCALE", asked=False)),),
        }
    ),
    "stops-early": Lie(acts={"request": ((1.4, stop("sender")),), "end": ((0.0, go_on("sender")),)}),
    "no-overlap": Lie(acts={"warm-up": ((0.0, stop("sender")),), "request": ((0.4, go_on("sender")),)}),
    "silent": Lie(silent=True),
    "no-effect": Lie(final="FAILED_TEMP", shares=False),
    "stalled": Lie(
        acts={
            "request": (
                (0.4, stop("hitless.traffic.worker")),
                *drop_all(0.6, 0.64),
                (0.9, go_on("hitless.traffic.worker")),
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
        took_s=2.4,
        acts={
            "warm-up": ((0.0, rule(ONE_IN_200)), (0.0, rule(UNMARKED))),
            "request": (
                *drop_all(0.5, 2.0),
                (0.8, stop("hitless.traffic.worker")),
                (1.0, go_on("hitless.traffic.worker")),
                (1.2, lambda world: world.mano.begin("SCALE", asked=False)),
            ),
        },
    ),
    "small-ring": Lie(
        small={"LYING_RING_BLOCKS": "8"},
        acts={"request": ((0.4, stop("receiver")), (0.9, go_on("receiver")))},
    ),
    "small-capture": Lie(
        small={"LYING_CAPTURE_LIMIT": "400"},
        acts={"request": ((0.4, stop("hitless.traffic.worker")), (0.8, go_on("hitless.traffic.worker")))},
    ),
    "too-much": Lie(load_pps=2_000_000, took_s=0.8, baseline_s=0.6),
}
"""In the order in which they are told; "late-packets" comes after the run whose packets they are."""
