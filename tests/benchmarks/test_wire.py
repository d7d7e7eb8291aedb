"""A tiny run of each part on the wire: everybody sends, everything that is sent comes to the sink or is told lost.

Of the other tools those take part that are installed; `make benchmark` wants all of them and says which it misses.
"""

from __future__ import annotations

import pytest

import benchmarks.__main__ as benchmark
from benchmarks import sandbox, tools
from benchmarks.pacing import Sample as Paced
from benchmarks.receiving import NOBODY
from benchmarks.receiving import Sample as Received
from benchmarks.sending import Sample as Sent

pytestmark = pytest.mark.namespaces


def installed(names):
    absent = tools.missing()
    return [name for name in names if tools.executable(name) not in absent]


def test_everybody_sends():
    others = installed(tools.SENDERS)
    words = ["--rounds", "1", "--window", "0.2", "--sizes", "64", "--others", *others]
    samples = [Sent(**one) for one in sandbox.run("sending", words, timeout_s=60)]
    assert [sample.tool for sample in samples] == [tools.OURS, *others]
    for sample in samples:
        assert sample.pps > 1000, sample
        assert 0.1 < sample.cpu_s_per_million < 200, sample
        assert 0 <= sample.lost_per_million < 1e6, sample


def test_everybody_receives_who_is_sent_to(capsys):
    if "trafgen" in tools.missing():
        assert benchmark.main(["--short", "--only", "receiving"]) == 2
        assert "trafgen" in capsys.readouterr().err
        return
    others = installed(tools.RECEIVERS)
    words = ["--rounds", "1", "--packets", "20000", "--sizes", "128", "--others", *others]
    samples = {one["tool"]: Received(**one) for one in sandbox.run("receiving", words, timeout_s=90)}
    assert list(samples) == [NOBODY, tools.OURS, *others]
    for sample in samples.values():
        assert sample.sent == 20_000, sample
        assert 0 < sample.arrived <= 20_000, sample
        if sample.tool != NOBODY:
            assert sample.accounted + sample.dropped == sample.arrived, sample


def test_pacing_is_seen(capsys):
    if "tcpdump" in tools.missing():
        assert benchmark.main(["--short", "--only", "pacing"]) == 2
        assert "tcpdump" in capsys.readouterr().err
        return
    words = ["--rounds", "1", "--seconds", "1", "--rates", "1000"]
    (sample,) = [Paced(**one) for one in sandbox.run("pacing", words, timeout_s=60)]
    assert 500 < sample.packets <= 1000
    assert list(sample.gap_error_us) == sorted(sample.gap_error_us)
    assert list(sample.late_us) == sorted(sample.late_us)
