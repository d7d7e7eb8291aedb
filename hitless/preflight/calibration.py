"""Which rate does this tester carry without own loss? Short trials of rising rate, each judged by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from hitless.judges.allowances import OVERLOAD_RATIO
from hitless.judges.cap_01 import LEAST_OFFERED_RATIO, MOST_GENERATOR_CPU_PERCENT
from hitless.preflight.calibration_trial import Trial
from hitless.preflight.findings import Finding, failed, ok, warning

_OVERRUN_S = 0.2
"""Twice the sampling interval of the counters: an end cannot be told more closely."""
_ROUND_PERCENT = 0.5
_LEAST_RETURNED = 0.99
"""Received over sent; below it the tester's receiving was tried at a lower rate than its sending."""


class Trouble(Enum):
    """What may be wrong with the tester in a trial; the value says what to do about it."""

    PACE = "fewer packets per second, or a generator with more or faster cores"
    TIME = "fewer packets per second; see that nothing else runs on the generator"
    HASTE = "restart the generator on a machine with a steady time source: it counts time too fast"
    DROPS = "larger rings at the generator's ports, or fewer packets per second"
    CAPTURE = "fewer probes: traffic.tunables.new-pps and long-pps"
    SURPLUS = "see that nobody else sends to these ports, that nothing between them doubles, and that no link was down"
    CPU = "more cores for the generator, or fewer packets per second"
    SILENCE = "look at the way through the system under test, and at traffic.ports"
    CABLE = "look at the cable and at what is between the two ports"


def troubles(trial: Trial, *, loopback: bool) -> tuple[tuple[Trouble, str], ...]:
    """Return what is wrong with the tester in a trial, each with expected and actual values; empty when nothing is.

    Args:
        trial: the trial.
        loopback: nothing but a cable is between the two ports, so whatever is missing is no system's loss.
    """
    found = [*_pace_troubles(trial), *_loss_troubles(trial, loopback=loopback)]
    if trial.received == 0:
        found.append((Trouble.SILENCE, f"Expected: packets that come back Actual: 0 of {trial.sent}"))
    if loopback and trial.missing_elsewhere:
        told = f"Expected: 0 packets missing Actual: {trial.missing_elsewhere} beyond the tester's own drops"
        found.append((Trouble.CABLE, told))
    return tuple(found)


def _pace_troubles(trial: Trial) -> Iterator[tuple[Trouble, str]]:
    asked, pace, error = trial.asked_pps, trial.sent_pps, trial.sent_error_pps
    expected = f"Expected: {LEAST_OFFERED_RATIO * 100:g} % to {OVERLOAD_RATIO * 100:g} % of {asked:g} pps"
    if pace is None:
        yield Trouble.PACE, f"{expected} Actual: unknown, as too few counters were read"
    elif pace + error < asked * LEAST_OFFERED_RATIO:
        yield Trouble.PACE, f"{expected} Actual: {pace:.0f} pps, it sends more slowly than it is asked to"
    elif pace - error > asked * OVERLOAD_RATIO:
        yield Trouble.HASTE, f"{expected} Actual: {pace:.0f} pps, it sends faster than it is asked to"
    if trial.elapsed_s[0] > trial.told_s[1] + _OVERRUN_S or trial.elapsed_s[1] < trial.told_s[0] - _OVERRUN_S:
        told = f"Expected: {_interval(trial.told_s)} s of sending Actual: {_interval(trial.elapsed_s)} s"
        yield Trouble.TIME, told
    if trial.cpu_percent is not None and trial.cpu_percent > MOST_GENERATOR_CPU_PERCENT:
        told = f"Expected: generator CPU <= {MOST_GENERATOR_CPU_PERCENT:g} % Actual: {trial.cpu_percent:.0f} %"
        yield Trouble.CPU, told


def _loss_troubles(trial: Trial, *, loopback: bool) -> Iterator[tuple[Trouble, str]]:
    if trial.own_drops:
        told = ", ".join(f"{name} {count}" for name, count in trial.drops)
        yield Trouble.DROPS, f"Expected: 0 packets dropped by the tester itself Actual: {told}"
    if trial.uncaptured:
        yield Trouble.CAPTURE, f"Expected: every probe captured Actual: {trial.uncaptured} probes were not"
    if trial.too_many and loopback:  # through a system it may be the system that doubles them
        yield Trouble.SURPLUS, f"Expected: each packet received once Actual: {trial.too_many} packets more"


def carried(trials: Sequence[Trial], *, loopback: bool) -> Trial | None:
    """Return the trial of the highest rate that the tester carried, and all rates below it; None if it carried none."""
    best = None
    for trial in trials:
        if troubles(trial, loopback=loopback):
            break
        best = trial
    return best


def judge_rate(trials: Sequence[Trial], rated_pps: float, *, loopback: bool) -> Finding:
    """Say which rate the tester carries without own loss; trials are those that were made, the lowest rate first."""
    name, best, last = "tester's rate", carried(trials, loopback=loopback), trials[-1]
    found = troubles(last, loopback=loopback)
    enough = best is not None and best.percent >= 100.0 - _ROUND_PERCENT
    if best is not None and not found:
        told = f"{best.asked_pps:g} pps ({best.percent:g} % of the rated capacity) without own loss, the most tried"
        if not enough:
            return warning(name, f"{told} - Expected: {rated_pps:g} pps", "try the whole load: --up-to 100")
        if best.received < _LEAST_RETURNED * best.sent:
            returned = (
                f"Expected: >= {_LEAST_RETURNED * 100:g} % of it back Actual: {best.received} of {best.sent} packets"
            )
            return warning(name, f"{told}, as far as it was received - {returned}", "look at what the system loses")
        return ok(name, told)
    wrong = "; ".join(told for _, told in found)
    remedies = [kind.value for kind in dict.fromkeys(kind for kind, _ in found)]
    if enough and best is not None:
        message = f"{best.asked_pps:g} pps without own loss, and no reserve: at {last.asked_pps:g} pps - {wrong}"
        return warning(name, message, f"for more reserve: {'; '.join(remedies)}")
    most = 0.0 if best is None else best.asked_pps
    message = f"own trouble at {last.asked_pps:g} pps, carries {most:g} pps of {rated_pps:g} pps - {wrong}"
    lower = [f"lower vnf.rated_capacity.value_pps to <= {most:g}"] if most else []
    return failed(name, message, "; ".join([*remedies, *lower]))


def judge_missing(trials: Sequence[Trial]) -> Iterator[Finding]:
    """Say what was missing elsewhere than in the tester, where a system was between its ports."""
    lossy = [trial for trial in trials if trial.missing_elsewhere]
    if not lossy:
        return
    told = ", ".join(f"{one.missing_elsewhere} of {one.sent} at {one.asked_pps:g} pps" for one in lossy)
    message = f"packets are missing that the tester did not drop - Expected: 0 Actual: {told}"
    yield warning("system's loss", message, "a lossy baseline leaves verdicts inconclusive")


def judge_doubled(trials: Sequence[Trial]) -> Iterator[Finding]:
    """Say what came more often than it was sent, where a system was between the tester's ports."""
    many = [trial for trial in trials if trial.too_many]
    if not many:
        return
    told = ", ".join(f"{one.too_many} of {one.sent} at {one.asked_pps:g} pps" for one in many)
    known = max(one.doubled for one in many)
    whose = f"; {known} of them are probes of this tester that came twice" if known else ""
    yield warning(
        "system's duplicates",
        f"packets come more often than they are sent - Expected: 0 Actual: {told}{whose}",
        "look for what doubles them (a loop, flooding, a mirrored port), or who else sends to these ports; "
        "copies hide loss and leave verdicts inconclusive; --loopback shows the tester alone",
    )


def rate_table(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield the lines of the table of trials."""
    yield (
        f"{'load':>7} {'asked pps':>10} {'sent pps':>10} {'sent':>8} {'received':>8} {'own drops':>9} "
        f"{'not captured':>12} {'missing elsewhere':>17}  elapsed"
    )
    for one in trials:
        pace = "?" if one.sent_pps is None else f"{one.sent_pps:.0f}"
        yield (
            f"{one.percent:>5g} % {one.asked_pps:>10g} {pace:>10} {one.sent:>8} {one.received:>8} {one.own_drops:>9} "
            f"{one.uncaptured:>12} {one.missing_elsewhere:>17}  {_interval(one.elapsed_s)} of {_interval(one.told_s)} s"
        )


def _interval(seconds: tuple[float, float]) -> str:
    earliest, latest = (f"{second:.2f}" for second in seconds)
    return earliest if earliest == latest else f"{earliest} to {latest}"
