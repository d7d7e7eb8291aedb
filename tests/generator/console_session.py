"""A session with TRex's own console: what is typed, and what it prints."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.generator import sandbox

PROFILE = """
from trex.stl.api import STLFlowStats, STLPktBuilder, STLStream, STLTXCont
from scapy.all import IP, UDP, Ether


class Profile:
    def get_streams(self, direction=0, **_):
        packet = Ether() / IP(src="16.0.0.1", dst="48.0.0.1") / UDP(sport=1025, dport=12) / ("x" * 18)
        return [STLStream(packet=STLPktBuilder(pkt=packet), mode=STLTXCont(pps=100), flow_stats=STLFlowStats(pg_id=7))]


def register():
    return Profile()
"""

# What is typed, and what the answer has to contain.
COMMANDS = (
    ("capture record start --rx 1 --limit 100", "Capturing ID is set to '1'"),
    ("ping", "Pinging the server"),
    ("portattr", "promiscuous"),
    ("portattr -p 0 --prom on", "SUCCESS"),
    ("streams", "No streams found"),
    ("service -p 0", "SUCCESS"),
    ("l3 -p 0 --src 10.10.0.1 --dst 10.10.0.254", "10.10.0.254"),
    ("arp -p 0", "ARP reply from: 10.10.0.254, hw: 02:00:00:00:0d:00"),
    ("ping -p 0 -d 10.10.0.254 -n 2", "Reply from 10.10.0.254"),
    ("vlan -p 0 --vlan 100", "SUCCESS"),
    ("vlan -p 0 -c", "SUCCESS"),
    ("service -p 0 --off", "SUCCESS"),
    ("start -f {profile} -p 0 -m 200pps --force", "SUCCESS"),
    ("streams", "stats: 7"),
    ("stats", "Global Statistics"),
    ("stats -p", "Port Statistics"),
    ("stats -s", "Streams Statistics"),
    ("stats -x", "Xstats"),
    ("stats -c", "Cpu Util"),
    ("update -p 0 -m 300pps", "SUCCESS"),
    ("pause -p 0", "SUCCESS"),
    ("resume -p 0", "SUCCESS"),
    ("capture", "ACTIVE"),
    ("stop -p 0", "SUCCESS"),
    ("capture record stop -i 1 -o {capture}", "SUCCESS"),
    ("capture clear", "SUCCESS"),
    ("events", "Port 0 was taken by you"),
    ("reset", "SUCCESS"),
    ("release", "SUCCESS"),
    ("quit", ""),
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PROMPT = re.compile(r"(?:^|\n)trex[^>\n]*>")


def run(folder, request_port, publisher_port):
    """Types all commands; returns what the console printed before the first and after each, and the capture file."""
    profile, capture = folder / "profile.py", folder / "capture.pcap"
    profile.write_text(PROFILE)
    typed = "".join(f"{line.format(profile=profile, capture=capture)}\n" for line, _ in COMMANDS)
    command = [sys.executable, "-m", "tests.generator.inside.console_process", str(request_port), str(publisher_port)]
    done = subprocess.run(
        command, input=typed, text=True, cwd=sandbox.ROOT, capture_output=True, timeout=90, check=False
    )
    said = _COLOURS.sub("", done.stdout)
    return {
        "code": done.returncode,
        "complaints": done.stderr,
        "said": [part.strip() for part in _PROMPT.split(said)],
        "captured": list(capture.read_bytes()[:4]) if capture.exists() else None,
    }
