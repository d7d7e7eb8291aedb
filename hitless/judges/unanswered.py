"""What users whom nobody answered leave open of a share: all of them may have gone to the new version, or none.

So a share is read twice more, with all of them on the new version and with none of them. What holds of it has to hold
of both; with most of them elsewhere than where they are taken to be a step or a fall may lie among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hitless.history import Int64Array
from hitless.judges import wording
from hitless.judges.evidence import capture_is_blind
from hitless.judges.ramp import Ramp
from hitless.measures.shares import Arrivals, came_between, in_order, plateaus
from hitless.verdict import Check, Outcome


def readings(ramp: Ramp) -> tuple[Ramp, ...]:
    """Return the ramp with all users whom nobody answered on the new version, and with none; nothing without them.

    Whom the new version answered later is on it in both. Before the request there was nothing new to go to.
    """
    came, since_ns = ramp.arrivals, ramp.window.request_ns
    lost, late = came.unanswered_ns[came.unanswered_ns > since_ns], came.late_ns[came.late_ns > since_ns]
    if len(lost) + len(late) == 0:
        return ()
    return tuple(_read(ramp, lost, late, went=went) for went in (True, False))


def _read(ramp: Ramp, lost: Int64Array, late: Int64Array, *, went: bool) -> Ramp:
    known = ramp.arrivals.opened
    on_new = (known.on_new, np.full(len(lost), went, np.bool_), np.ones(len(late), np.bool_))
    opened = in_order(np.concatenate((known.sent_ns, lost, late)), np.concatenate(on_new))
    return replace(ramp, arrivals=Arrivals(opened, ramp.arrivals.unmarked), plateaus=plateaus(opened))


def came_before(ramp: Ramp, until_ns: int) -> int:
    """Return how many users came after the request and until an instant who got nothing back that opens a session."""
    came, since_ns = ramp.arrivals, ramp.window.request_ns
    return sum(came_between(one, since_ns, until_ns) for one in (came.unanswered_ns, came.late_ns))


def settled(check: Check, others: Sequence[Check], ramp: Ramp) -> Check:
    """Return a check that is decided, as inconclusive where another reading of the share decides otherwise.

    Args:
        check: by the users who were answered; it fails only if it does wherever the others went.
        others: all checks by the other readings; those of another name are about something else.
        ramp: the share by the users who were answered.
    """
    if check.outcome not in {Outcome.PASS, Outcome.FAIL}:
        return check
    against = [one for one in others if one.name == check.name and one.outcome is not check.outcome]
    if check.outcome is Outcome.FAIL:
        against = [one for one in against if one.outcome is Outcome.PASS]
    return doubted(check, ramp, against[0].message) if against else check


def doubted(check: Check, ramp: Ramp, otherwise: str) -> Check:
    """Return a check as inconclusive because of users whom nobody answered."""
    count = len(ramp.arrivals.unanswered_ns) + len(ramp.arrivals.late_ns)
    message = (
        f"{check.message}; {wording.count(count)} users who got nothing back at first may say otherwise: {otherwise}"
    )
    reason = "I3" if capture_is_blind(ramp.history) else "I6"
    return Check(check.name, Outcome.INCONC, message, (reason,))
