"""The tool that holds TRex's stock profiles against the generator, with profiles of our own.

TRex's library changes the interpreter that imports it: the tool runs in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]

CHAIN = """
from trex_stl_lib.api import *

class Profile:
    def get_streams(self, direction=0, **kwargs):
        packet = STLPktBuilder(pkt=Ether() / IP() / UDP() / ("x" * 40))
        first = STLStream(name="a", packet=packet, mode=STLTXSingleBurst(pps=100, total_pkts=3), next="b")
        second = STLStream(name="b", self_start=False, packet=packet, mode=STLTXMultiBurst(pps=9, count=2, ibg=5.0))
        return [first, second]

def register():
    return Profile()
"""

TAGGED = """
from trex_stl_lib.api import *

class Profile:
    def get_streams(self, direction=0, **kwargs):
        packet = STLPktBuilder(pkt=Ether() / IP() / UDP() / ("x" * 40))
        return [STLStream(packet=packet, flow_stats=STLFlowLatencyStats(pg_id=7, ieee_1588=True))]

def register():
    return Profile()
"""

BROKEN = "raise RuntimeError('not this one')\n"


def run(folder):
    command = [sys.executable, str(ROOT / "tools" / "stock_profiles.py"), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=100)


def lines(result):
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_each_profile_has_its_row(tmp_path):
    for name, text in (("chain", CHAIN), ("tagged", TAGGED), ("broken", BROKEN)):
        (tmp_path / f"{name}.py").write_text(text)
    result = run(tmp_path)
    assert result.returncode == 1, result.stderr
    broken, chain, tagged, summary = lines(result)
    assert broken.startswith("broken.py 0 not loaded")
    assert "not this one" in broken or "Traceback" in broken
    assert chain == "chain.py 4 served"
    assert tagged == "tagged.py 2 not served Driver doesn't support IEEE-1588."
    assert summary == "1 not loaded, 1 not served, 1 served"


def test_all_served_is_success(tmp_path):
    (tmp_path / "chain.py").write_text(CHAIN)
    assert run(tmp_path).returncode == 0


def test_a_folder_that_is_not_there_is_named(tmp_path):
    refused = run(tmp_path / "stl")
    assert refused.returncode == 2
    assert "no such folder" in refused.stderr
