"""A tiny run of each part on the wire: everybody sends, everything that is sent comes to the sink or is told lost."""

from __future__ import annotations

import pytest

from benchmarks import sandbox, tools
from benchmarks.pacing import Sample as Paced
from benchmarks.receiving import NOBODY
from benchmarks.receiving import Sample as Received
from benchmarks.sending import Sample as Sent

pytestmark = pytest.mark.namespaces


@pytest.fixture(autouse=True)
def every_tool():
    if absent := tools.missing():
        pytest.fail(f"tools to compare with - Expected: {', '.join(absent)}, Actual: not installed")


def test_everybody_sends():
    words = ["--rounds", "1", "--window", "0.2", "--sizes", "64"]
    samples = [Sent(**one) for one in sandbox.run("sending", words, timeout_s=60)]
    assert [sample.tool for sample in samples] == [tools.OURS, *tools.SENDERS]
    for sample in samples:
        assert sample.pps > 1000, sample
        assert 0.1 < sample.cpu_s_per_million < 200, sample
        assert 0 <= sample.lost_per_million < 1e6, sample


def test_everybody_receives():
    words = ["--rounds", "1", "--packets", "20000", "--sizes", "128"]
    samples = {one["tool"]: Received(**one) for one in sandbox.run("receiving", words, timeout_s=90)}
    assert list(samples) == [NOBODY, tools.OURS, *tools.RECEIVERS]
    for sample in samples.values():
        assert sample.sent == 20_000, sample
        assert sample.accounted + sample.dropped >= 20_000 * 0.99, sample
        assert sample.accounted <= 20_000, sample


def test_pacing_is_seen():
    words = ["--rounds", "1", "--seconds", "1", "--rates", "1000"]
    (sample,) = [Paced(**one) for one in sandbox.run("pacing", words, timeout_s=60)]
    assert 500 < sample.packets <= 1000
    assert list(sample.gap_error_us) == sorted(sample.gap_error_us)
    assert list(sample.late_us) == sorted(sample.late_us)
