"""The packets around a violation."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from hitless.recording import RecordingError
from hitless.recording.pcap import read_packets
from hitless.report.packets import packets_around, violated_at_ns
from hitless.verdict import Outcome
from tests.report import histories
from tests.report.histories import SECOND_NS, at
from tests.report.recordings import write_probes
from tests.report.verdicts import verdict


def cut(folder, at_ns, tmp_path):
    """Return tester times and numbers of the packets that are cut out."""
    content = packets_around(folder, at_ns)
    assert content is not None
    path = tmp_path / "cut.pcap"
    path.write_bytes(content)
    block, end = read_packets(path)
    assert end == len(content)
    return block.times_ns, [int.from_bytes(row[-4:].tobytes(), "big") for row in block.data]


def test_packets_within_a_second_on_either_side_are_cut_out_on_the_testers_clock(tmp_path):
    write_probes(tmp_path, [at(number / 10) for number in range(100)])
    times_ns, numbers = cut(tmp_path, at(5), tmp_path)
    assert numbers == list(range(40, 61))
    assert np.abs(times_ns - np.asarray([at(number / 10) for number in numbers])).max() < 10_000


def test_of_many_packets_the_nearest_are_kept_in_their_order(tmp_path):
    write_probes(tmp_path, [at(0) + number * 100_000 for number in range(20_000)])
    times_ns, numbers = cut(tmp_path, at(1), tmp_path)
    assert len(numbers) == 1_500
    assert numbers == sorted(numbers)
    assert abs(numbers[0] - 9_250) <= 1
    assert (np.abs(times_ns - at(1)) <= 0.11 * SECOND_NS).all()


def test_without_packets_nearby_there_is_no_file(tmp_path):
    write_probes(tmp_path, [at(0), at(1)])
    assert packets_around(tmp_path, at(30)) is None


def test_an_empty_capture_gives_none(tmp_path):
    write_probes(tmp_path, [])
    assert packets_around(tmp_path, at(0)) is None


def test_a_clock_that_was_never_read_leaves_times_as_they_are(tmp_path):
    write_probes(tmp_path, [at(0)])
    (tmp_path / "clock.json").write_text("{}")
    assert packets_around(tmp_path, at(0)) is None
    times_ns, _ = cut(tmp_path, at(-5), tmp_path)
    assert times_ns.tolist() == [at(-5)]


def test_a_damaged_capture_is_told(tmp_path):
    write_probes(tmp_path, [at(0)])
    (tmp_path / "probes.pcap").write_bytes(b"x" * 100)
    with pytest.raises(RecordingError):
        packets_around(tmp_path, at(0))


@pytest.mark.processes
def test_tcpdump_reads_it(tmp_path):
    if shutil.which("tcpdump") is None:
        pytest.fail("tcpdump is not installed - see tools/setup.sh")
    write_probes(tmp_path, [at(number / 10) for number in range(100)])
    (tmp_path / "cut.pcap").write_bytes(packets_around(tmp_path, at(5)))
    done = subprocess.run(
        ["tcpdump", "-nn", "-r", tmp_path / "cut.pcap"], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.count("10.1.0.1.1024 > 10.2.0.1.5001: UDP") == 21


def told(**fields):
    return replace(verdict(Outcome.FAIL), **fields)


def test_a_judge_says_when_by_figure_or_evidence():
    history = histories.half_capacity()
    assert violated_at_ns(told(figures={"first_violation_ns": at(7)}), history) == at(7)
    assert violated_at_ns(told(evidence={"first_violation_ns": np.int64(at(8))}), history) == at(8)


def test_otherwise_it_is_the_first_probe_lost_after_the_request():
    losses = (histories.Loss(-3.0, -2.9, 1.0), histories.Loss(9.0, 9.5, 1.0))
    found = violated_at_ns(told(), histories.history(histories.Plan(losses=losses)))
    assert found is not None
    assert abs(found - at(9.0)) < 5_000_000


def test_a_loss_before_the_request_counts_if_there_is_no_other():
    found = violated_at_ns(told(), histories.history(histories.Plan(losses=(histories.Loss(-3.0, -2.9, 1.0),))))
    assert found is not None
    assert abs(found - at(-3.0)) < 5_000_000


def test_nothing_lost_and_nothing_told_is_no_instant():
    assert violated_at_ns(told(), histories.clean_upgrade()) is None
    assert violated_at_ns(told(figures={"first_violation_ns": None}), histories.clean_upgrade()) is None
