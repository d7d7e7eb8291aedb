"""What packets that came back show: marks, and which values of the usual fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hitless.history import AMBIGUOUS, UNMARKED
from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.recording.marks import Marks, VersionMark, compile_marks, instances_of, versions_of
from hitless.recording.pcap import PacketBlock
from hitless.traffic import IdentityReport

_FIELDS: Mapping[str, str] = {"dscp": "DSCP", "ttl": "TTL", "vlan": "VLAN", "source_mac": "source MAC"}
_SHOWN_VALUES = 4
_UNMARKED_RATIO_MAX = 0.001  # metrics: more than 0.1 % unmarked packets make version rows INCONC (I9)


def block_of(packets: Sequence[bytes]) -> PacketBlock:
    """Return captured frames as one matrix."""
    lengths = np.array([len(packet) for packet in packets], np.int32)
    data = np.zeros((len(packets), int(lengths.max(initial=0))), np.uint8)
    for row, packet in enumerate(packets):
        data[row, : len(packet)] = np.frombuffer(packet, np.uint8)
    return PacketBlock(data, lengths, np.zeros(len(packets), np.int64))


def seen_values(block: PacketBlock) -> str:
    """Return which values of the fields that marks usually stand in were seen: "DSCP 0 (300), TTL 63 (300), ..."."""
    told = []
    for field, name in _FIELDS.items():
        values, index = instances_of(Marks((), field), block)
        counts = np.bincount(index[index >= 0], minlength=len(values))
        order = np.argsort(-counts, kind="stable")[:_SHOWN_VALUES]
        plain = [_value(field, values[number].removeprefix(f"{field} ")) for number in order]
        found = [f"{value} ({counts[number]})" for value, number in zip(plain, order, strict=True)]
        more = f" and {len(values) - _SHOWN_VALUES} others" if len(values) > _SHOWN_VALUES else ""
        told.append(f"{name} {', '.join(found) + more if found else 'none'}")
    return "; ".join(told)


def _value(field: str, value: str) -> str:
    """Return a value as expressions are written: a DSCP also as the byte that holds it."""
    return f"{value} = {int(value) << 2:#04x}" if field == "dscp" else value


def judge_marks(block: PacketBlock, versions: Mapping[str, str], instance: str, serving: str) -> Iterator[Finding]:
    """Say whether the marks tell who served the packets.

    Args:
        block: packets that came through the system under test.
        versions: BPF expression of each version; all of them are valid.
        instance: the declared instance mark.
        serving: the version that is in service, and the only one.
    """
    marks = compile_marks(versions, instance)
    index = versions_of(marks, block)
    for number, mark in enumerate(marks.versions):
        own = int(np.count_nonzero(index == number))
        yield _version(mark, own, index=index, serving=serving, block=block)
    if instance != "none":
        yield _instances(marks, block)


def _version(mark: VersionMark, own: int, *, index: np.ndarray, serving: str, block: PacketBlock) -> Finding:
    name, total = f"version mark {mark.version}", len(block)
    remedy = f"correct vnf.marks.versions.{mark.version}"
    ambiguous = int(np.count_nonzero(index == AMBIGUOUS))
    if ambiguous:
        message = f"{ambiguous} of {total} packets match more than one mark - Expected: 0 - seen: {seen_values(block)}"
        return failed(name, message, "make the expressions exclude each other")
    if mark.version != serving:
        if own == 0:
            return ok(name, f"matches none of {total} packets, as {serving} is in service")
        message = f"matches {own} of {total} packets - Expected: 0, as {serving} is in service"
        return failed(name, f"{message} - seen: {seen_values(block)}", remedy)
    if own == 0:
        message = f"never appears: {mark.expression} - Expected: in all packets Actual: 0 of {total}"
        return failed(name, f"{message} - seen: {seen_values(block)}", remedy)
    if np.count_nonzero(index == UNMARKED) > _UNMARKED_RATIO_MAX * total:
        message = f"not in all packets: {mark.expression} - Expected: {total} Actual: {own}"
        return failed(name, f"{message} - seen: {seen_values(block)}", remedy)
    return ok(name, f"{mark.expression} matches {own} of {total} packets")


def _instances(marks: Marks, block: PacketBlock) -> Finding:
    values, index = instances_of(marks, block)
    if not values or np.any(index == UNMARKED):
        unmarked = int(np.count_nonzero(index == UNMARKED))
        message = (
            f"{unmarked} of {len(block)} packets have no {marks.instance} - Expected: 0 - seen: {seen_values(block)}"
        )
        return failed("instance mark", message, "correct vnf.marks.instance")
    shown = ", ".join(values[:_SHOWN_VALUES]) + (" ..." if len(values) > _SHOWN_VALUES else "")
    return ok("instance mark", f"{marks.instance} tells {len(values)} instances: {shown}")


def judge_survival(report: IdentityReport) -> Iterator[Finding]:
    """Say what of the probes survived the way through the system under test."""
    if report.probe_count == 0:
        message = (
            f"no probe among {report.packet_count} packets - Expected: payload tail and UDP header as they were sent"
        )
        yield failed("probe packets", message, "does the system under test end, translate or re-segment the traffic?")
        return
    changed = [f"{field.name} ({field.example})" for field in report.fields if not field.survives]
    kept = [field.name for field in report.fields if field.survives]
    text = f"{report.probe_count} identified by their payload; as sent: {', '.join(kept) or 'no field'}"
    yield ok("probe packets", f"{text}; rewritten on the way: {', '.join(changed) or 'none'}")
    if report.bad_checksum_count:
        message = (
            f"{report.bad_checksum_count} of {report.probe_count} came with a wrong IP header checksum - Expected: 0"
        )
        yield warning("probe packets", message, "whoever writes the mark has to correct the checksum")
