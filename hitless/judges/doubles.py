"""Whether counters may hide loss: a packet that comes twice makes up for one that is lost."""

from __future__ import annotations

from hitless.history import History
from hitless.judges import wording
from hitless.measures import counting
from hitless.measures.copies import doubled_probes
from hitless.verdict import Check, Outcome


def doubles_check(history: History, name: str) -> Check:
    """Hold packets that came more often than they were sent against none, for judges that read loss from counters.

    Copies of probes can be taken off the counters (``measures.copies.counted_once``), so that a violation is one all
    the same. But what doubles probes may double load as well, which is only counted.

    Args:
        history: what was recorded.
        name: of the check.
    """
    names = {group.pg_id: group.name for group in history.groups}
    surplus = counting.surplus_groups(history.counters)
    problems = [f"{wording.count(count)} of {names.get(pg_id, pg_id)} too many" for pg_id, count in surplus.items()]
    doubled = doubled_probes(history)
    problems += [f"{wording.count(doubled)} probes that came once more"] if doubled else []
    if not problems:
        return Check(name, Outcome.PASS, "no packet counted twice")
    return Check(
        name,
        Outcome.INCONC,
        f"Counters - packets came more than once, so loss of others may hide - Expected: 0, "
        f"Actual: {', '.join(problems)} - see counters.npz, probes.pcap",
        ("I3",),
    )
