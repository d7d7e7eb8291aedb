"""The tables say what the samples say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

import benchmarks.__main__ as benchmark
from benchmarks import analysis, pacing, receiving, sandbox, sending, tools
from benchmarks.analysis import Row, Run


def cells(table, row, place=0):
    line = [line for line in table.splitlines() if line.startswith("|")][2:][row]
    return [cell.strip() for cell in line.strip("|").split("|")][place:]


def sent(tool, pps, cpu, size=64):
    return sending.Sample(tool, size, pps, cpu, cpu + 0.1, 3.0)


def test_ours_is_held_against_the_best_of_the_others_by_rate_and_by_cost():
    samples = [
        *(sent(tools.OURS, pps, 1.5) for pps in (600e3, 500e3, 900e3)),
        *(sent(tools.TRAFGEN, 480e3, 2.0) for _ in range(3)),
        *(sent(tools.TCPREPLAY, 400e3, 1.8) for _ in range(3)),
    ]
    table = sending.told(samples)
    assert cells(table, 0) == [
        "64", "generator", "600.0 (500.0..900.0)", "1.25", "1.50 (1.50..1.50)", "0.83", "1.60 (1.60..1.60)", "3",
    ]  # fmt: skip
    assert cells(table, 1)[1:4] == ["trafgen", "480.0 (480.0..480.0)", "1.00"]
    assert cells(table, 2)[5] == "1.00"


def test_who_has_more_cores_is_shown_and_not_taken_for_the_fastest_with_one():
    samples = [sent(tools.OURS, 500e3, 1.0), sent(tools.TRAFGEN, 400e3, 2.0), sent(tools.TRAFGEN_CORES, 800e3, 1.5)]
    table = sending.told(samples)
    assert [cells(table, row)[3] for row in range(3)] == ["1.25", "1.00", "2.00"]
    assert [cells(table, row)[5] for row in range(3)] == ["0.67", "1.33", "1.00"]
    assert "Actual: 1.25 times its pps, 1.50 times the packets per CPU second of the cheapest - reached" in table


@pytest.mark.parametrize(("pps", "cpu"), [(399e3, 1.0), (500e3, 2.1)])
def test_an_aim_that_is_missed_in_one_way_is_missed(pps, cpu):
    table = sending.told([sent(tools.OURS, pps, cpu), sent(tools.TRAFGEN, 400e3, 2.0)])
    assert "MISSED" in table
    assert "reached" not in table


def test_sizes_are_compared_each_by_itself():
    samples = [sent(tools.OURS, 500e3, 1.0, 512), sent(tools.TRAFGEN, 250e3, 2.0, 512)]
    samples += [sent(tools.OURS, 500e3, 1.0), sent(tools.TRAFGEN, 500e3, 1.0)]
    table = sending.told(samples)
    assert [cells(table, row)[0] for row in range(4)] == ["64", "64", "512", "512"]
    assert [cells(table, row)[3] for row in (0, 2)] == ["1.00", "2.00"]


def received(tool, accounted=100, cpu=0.2):
    return receiving.Sample(tool, 64, 400e3, 101, 100, accounted, 100 - accounted, cpu, 2.5)


def test_receivers_are_held_against_tcpdump_and_their_losses_are_shown():
    others = [received(receiving.NOBODY), received(tools.TCPDUMP, cpu=0.4), received(tools.TSHARK, 50, 8.0)]
    table = receiving.told([received(tools.OURS), *others])
    assert cells(table, 0)[1:] == [
        "nobody",
        "400.0 (400.0..400.0)",
        "-",
        "-",
        "-",
        "-",
        "2.50 (2.50..2.50)",
    ]
    assert cells(table, 1)[3:7] == ["1.000 (1.000..1.000)", "0", "0.20 (0.20..0.20)", "0.50"]
    assert cells(table, 3)[3:7] == ["0.500 (0.500..0.500)", "50", "8.00 (8.00..8.00)", "20.00"]


def test_what_receiving_costs_is_held_against_the_aim_and_a_missing_packet_is_said():
    others = [received(name) for name in (receiving.NOBODY, *tools.RECEIVERS)]
    table = receiving.told([*others, *(received(tools.OURS, cpu=cpu) for cpu in (0.1, 0.2, 0.9))])
    assert "Actual: 0.20 (0.80 of it) with the dearest size; every packet that arrived was accounted" in table
    table = receiving.told([*others, received(tools.OURS, 100), received(tools.OURS, 99)])
    assert "NOT every packet that arrived was accounted" in table


def test_tcpdump_tells_what_it_lost():
    report = (
        "listening on s0\n400000 packets captured\n400012 packets received by filter\n12 packets dropped by kernel\n"
    )
    assert receiving.tcpdump_counts(report) == (400000, 12)
    with pytest.raises(receiving.ReportError, match="tcpdump"):
        receiving.tcpdump_counts("tcpdump: s0: no such device")


TSHARK = """
Capturing on 's0'
150000 packets captured
1234 packets dropped from s0

==================================
| IO Statistics                  |
|                                |
| Duration: 1.0 secs             |
| Interval: 1.0 secs             |
|                                |
| Col 1: Frames and bytes        |
|--------------------------------|
|              |1                |
| Interval     | Frames |  Bytes |
|--------------------------------|
| 0.0 <> 1.0   | 148766 | 892596 |
==================================
"""


def test_tsharks_statistics_are_read():
    assert receiving.tshark_counts(TSHARK) == (148766, 1234)
    assert receiving.tshark_counts(TSHARK.replace("1234 packets dropped from s0", "")) == (148766, 0)
    assert receiving.tshark_counts(TSHARK.replace("0.0 <> 1.0", "0.000 <> Dur")) == (148766, 1234)
    with pytest.raises(receiving.ReportError, match="tshark"):
        receiving.tshark_counts("Capturing on 's0'")


def test_even_gaps_are_no_jitter_and_late_packets_are():
    even = np.arange(1000, dtype=np.int64) * 100_000
    assert pacing.judged(even, 10_000) == ((0.0,) * 5, (0.0,) * 5)
    one_late = even.copy()
    one_late[500] += 30_000
    gaps, late = pacing.judged(one_late, 10_000)
    assert (gaps[0], gaps[-1]) == (0.0, 30.0)
    assert (late[0], late[-1]) == (0.0, 30.0)


def test_bursts_have_gaps_that_are_wrong_but_lateness_of_one_tick_only():
    times = (np.arange(1000) // 10 * 1_000_000).astype(np.int64)
    gaps, late = pacing.judged(times, 10_000)
    assert gaps[0] == 100.0
    assert gaps[-1] == 900.0
    assert late[-1] == pytest.approx(900.0)


def test_a_whole_stretch_that_slips_is_late_to_its_end():
    times = np.arange(1000, dtype=np.int64) * 100_000
    times[700:] += 5_000_000
    gaps, late = pacing.judged(times, 10_000)
    assert gaps[2] == 0.0
    assert late[1] == pytest.approx(5000.0)


def test_pacing_needs_two_packets():
    with pytest.raises(ValueError, match="Expected: >= 2, Actual: 1"):
        pacing.judged(np.zeros(1, np.int64), 1000)


def test_pacing_is_told_by_rate():
    samples = [pacing.Sample(1000, 2000, (1.0, 2.0, float(top), 4.0, 5.0), (1.0,) * 5) for top in (3, 9, 4)]
    table = pacing.told([pacing.Sample(10_000, 7, (0.0,) * 5, (0.0,) * 5), *samples])
    assert cells(table, 0) == ["1000", "gap error", "1 (1..1)", "2 (2..2)", "4 (3..9)", "4 (4..4)", "5 (5..5)", "6000"]
    assert cells(table, 2)[0] == "10000"


RUN = Run(packets=10**6, load_s=0.15, measure_s=0.05, cpu_s=0.2, peak_mib=150.0, idle_mib=50.0)


def test_growth_is_per_packet_and_of_the_largest_two():
    rows = [
        Row("profile", 10, (replace(RUN, packets=10**5, cpu_s=9.0),)),
        Row("profile", 10, (RUN,)),
        Row("profile", 10, (replace(RUN, packets=10**7, cpu_s=2.2),)),
        Row("more sessions", 10, (replace(RUN, packets=2 * 10**7, cpu_s=99.0),)),
    ]
    assert analysis.growth(rows) == pytest.approx(1.1)


def test_the_aim_is_held_against_the_largest_recording():
    rows = [
        Row("p", 1, (RUN,)),
        Row("p", 1, (replace(RUN, packets=10**7, load_s=2.0, measure_s=1.0, peak_mib=2048.0),)),
    ]
    text = analysis.told(rows)
    assert "Actual: 3.00 s (1.50 of it), 2048 MiB (2.00 of it)" in text
    assert cells(text, 0)[:3] == ["p", "1000000", "1"]
    assert cells(text, 0)[-2:] == ["200", "150"]
    assert "Aim" not in analysis.told([Row("p", 1, (replace(RUN, packets=10**5),)), Row("p", 1, (RUN,))])


def test_a_part_that_fails_says_its_last_words(monkeypatch):
    monkeypatch.setattr(sandbox, "_UNSHARE", ())
    with pytest.raises(sandbox.SandboxError, match="Actual: 2"):
        sandbox.run("sending", ["--no-such-option"], timeout_s=60)


def test_a_missing_tool_is_named_before_anything_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(tools, "missing", lambda: ["trafgen"])
    assert benchmark.main(["--short"]) == 2
    assert "Expected: trafgen, Actual: not installed" in capsys.readouterr().err


def test_parts_are_measured_in_their_namespaces_and_printed(monkeypatch, capsys):
    asked = []

    def measured(part, arguments, *, timeout_s):
        asked.append((part, list(arguments)))
        samples = {
            "sending": [sent(tools.OURS, 2e5, 1.0), sent(tools.TRAFGEN, 1e5, 2.0)],
            "receiving": [received(name) for name in (receiving.NOBODY, tools.OURS, *tools.RECEIVERS)],
            "pacing": [pacing.Sample(10_000, 7, (0.0,) * 5, (0.0,) * 5)],
        }
        return json.loads(json.dumps([asdict(sample) for sample in samples[part]]))

    monkeypatch.setattr(tools, "missing", list)
    monkeypatch.setattr(sandbox, "run", measured)
    assert benchmark.main(["--short", "--only", "sending", "receiving", "pacing"]) == 0
    printed = capsys.readouterr().out
    assert [part for part, _ in asked] == ["sending", "receiving", "pacing"]
    assert dict(asked)["sending"] == ["--rounds", "2", "--window", "0.4", "--sizes", "64"]
    for words in ("# Benchmark", "load average", "short form", "## Sending", "## Receiving", "## Pacing", "2.00"):
        assert words in printed


def test_the_analysis_alone_needs_no_tools(monkeypatch, capsys):
    monkeypatch.setattr(tools, "missing", lambda: ["trafgen"])
    monkeypatch.setattr(analysis, "measure", lambda **_: [Row("p", 1, (RUN,)), Row("p", 1, (RUN,))])
    assert benchmark.main(["--short", "--only", "analysis"]) == 0
    assert "## Analysis" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "share"), [(["--short"], "0.1"), ([], "1.0")])
def test_exactness_needs_no_tools_and_has_the_last_word(monkeypatch, capsys, form, share):
    asked = []
    monkeypatch.setattr(tools, "missing", lambda: ["trafgen"])
    monkeypatch.setattr(benchmark.exactness, "main", lambda words: asked.append(words) or 1)
    assert benchmark.main([*form, "--only", "exactness"]) == 1
    assert "## Exactness" in capsys.readouterr().out
    assert asked == [["--share", share, "--repeats", "1" if form else "3"]]


def test_the_command_explains_itself():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=True)
    assert "--short" in done.stdout
