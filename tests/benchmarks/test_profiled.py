"""What perf reports is read, added up and told; what does not come is said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks import profiled
from benchmarks.profiled import ProfileError, Symbol, read_report, told, wait_for

REPORT = """
# Samples: 5K of event 'cpu-clock'
    12.30%  [kernel.kallsyms]                       [k] __memcpy
     9.00%  /usr/lib/libc.so.6                      [.] __memmove_avx512_unaligned_erms                -      -
    40.50%  [nf_tables]                             [k] nft_do_chain
     0.01%  _multiarray_umath.cpython-311.so        [.] 0x00000000000abcde
"""


def test_functions_are_read_the_dearest_first():
    symbols = read_report(REPORT)
    assert symbols[0] == Symbol(40.5, "[nf_tables]", kernel=True, name="nft_do_chain")
    assert symbols[2] == Symbol(9.0, "libc.so.6", kernel=False, name="__memmove_avx512_unaligned_erms")
    assert len(symbols) == 4


def test_the_kernels_part_is_told_and_the_functions_below():
    text = told(read_report(REPORT))
    assert text.startswith("kernel 53 %, user space 47 %\n")
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [word.strip() for word in rows[0].strip("|").split("|")] == ["kernel", "nft_do_chain", "40.5"]
    assert rows[2].startswith("| libc.so.6 ")


def test_a_report_without_samples_is_an_error():
    with pytest.raises(ProfileError, match="Expected: > 0 functions"):
        told(read_report("# nothing\n"))


@pytest.mark.processes
def test_the_process_is_found_by_its_words():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "generator.worker", "sender"]) as child:
        try:
            assert wait_for([os.getpid()], ("generator.worker", "sender")) == child.pid
            with pytest.raises(ProfileError, match=r"Expected: generator\.worker receiver within"):
                wait_for([os.getpid()], ("generator.worker", "receiver"), timeout_s=0.1)
        finally:
            child.kill()


def test_without_perf_the_package_is_named(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(profiled.subprocess, "run", absent)
    with pytest.raises(ProfileError, match="apt install linux-perf"):
        profiled.of_analysis(1000)


def test_what_perf_says_when_it_fails_is_passed_on(monkeypatch):
    failed = subprocess.CompletedProcess([], 255, "", "No permission to enable cpu-clock event.\n")
    monkeypatch.setattr(profiled.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ProfileError, match=r"Actual: 255: No permission to enable cpu-clock event\.$"):
        profiled.of_analysis(1000)


def test_the_paths_asked_for_are_looked_at(monkeypatch, capsys):
    monkeypatch.setattr(profiled, "on_the_wire", lambda part: [Symbol(100.0, "libc", kernel=False, name=part.name)])
    assert profiled.main(["receiving", "sending"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("## Receiving") < printed.index("## Sending")
    assert "load average" in printed
    with pytest.raises(SystemExit):
        profiled.main(["no such path"])
