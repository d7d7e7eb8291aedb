"""The tools that the generator is held against, as command lines; they send unpaced, in the fastest way they have."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packets import for_mausezahn, for_trafgen, for_trafgen_changing, payload_bytes, write_pcap
from benchmarks.setgroups import without_setgroups
from benchmarks.wire import HERE, SINK_ADDRESS

OURS = "generator"
TRAFGEN, TCPREPLAY, IPERF3, MAUSEZAHN = "trafgen", "tcpreplay", "iperf3 -u", "mausezahn"
TRAFGEN_CHANGING, TRAFGEN_CORES = "trafgen, changing packets", "trafgen, every core"
SENDERS = (TRAFGEN, TRAFGEN_CHANGING, TRAFGEN_CORES, TCPREPLAY, IPERF3, MAUSEZAHN)
SEVERAL_CORES = (TRAFGEN_CORES,)
"""Who sends with more than one thread; all others have one, as the generator has."""
TCPDUMP, TSHARK = "tcpdump -w", "tshark -z io,stat"
RECEIVERS = (TCPDUMP, TSHARK)
IPERF3_PORT = 5201


@dataclass(frozen=True)
class Files:
    """Where the tools find their packets and leave what they write."""

    folder: Path

    def config(self, frame_bytes: int) -> Path:
        """Packet for trafgen."""
        return self.folder / f"{frame_bytes}.trafgen"

    def changing_config(self, frame_bytes: int) -> Path:
        """Packet for trafgen, other users and ports every time."""
        return self.folder / f"{frame_bytes}.changing.trafgen"

    def capture(self, frame_bytes: int) -> Path:
        """Packets for tcpreplay."""
        return self.folder / f"{frame_bytes}.pcap"

    @property
    def written(self) -> Path:
        """What a capturing tool writes."""
        return self.folder / "written.pcap"

    def write(self, frame_bytes: int) -> None:
        """Write the packets of a size."""
        self.config(frame_bytes).write_text(for_trafgen(frame_bytes))
        self.changing_config(frame_bytes).write_text(for_trafgen_changing(frame_bytes))
        write_pcap(self.capture(frame_bytes), frame_bytes)


def executable(tool: str) -> str:
    """Return the program of a tool."""
    return tool.split(maxsplit=1)[0].rstrip(",")


def missing() -> list[str]:
    """Return the programs that are not installed."""
    programs = dict.fromkeys(executable(tool) for tool in (*SENDERS, *RECEIVERS))
    return [program for program in programs if shutil.which(program) is None]


def sender(tool: str, frame_bytes: int, files: Files) -> list[str]:
    """Return the command by which a tool sends for ever as fast as it can.

    Raises:
        KeyError: no such tool.
    """
    commands = {
        TRAFGEN: trafgen(files.config(frame_bytes), 0),
        TRAFGEN_CHANGING: trafgen(files.changing_config(frame_bytes), 0),
        TRAFGEN_CORES: trafgen(files.config(frame_bytes), 0, processes=os.cpu_count() or 1),
        TCPREPLAY: [
            *("tcpreplay", "--intf1", HERE, "--topspeed", "--preload-pcap", "--loop", "0", "--quiet"),
            *("--no-flow-stats", str(files.capture(frame_bytes))),
        ],
        IPERF3: [
            *("iperf3", "--client", SINK_ADDRESS, "--port", str(IPERF3_PORT), "--udp", "--bitrate", "0"),
            *("--length", str(payload_bytes(frame_bytes)), "--time", "60"),
        ],
        MAUSEZAHN: ["mausezahn", HERE, "-c", "0", "-q", for_mausezahn(frame_bytes)],
    }
    return commands[tool]


def trafgen(config: Path, count: int, processes: int = 1) -> list[str]:
    """Return the command by which trafgen sends so many packets; 0 is for ever."""
    words = ["trafgen", "--dev", HERE, "--conf", str(config), "--cpus", str(processes), "--no-sock-mem"]
    return [*words, "--no-cpu-stats", *(("--num", str(count)) if count else ())]


def receiver(tool: str, device: str, files: Files) -> list[str]:
    """Return the command by which a tool receives until it is interrupted.

    Raises:
        KeyError: no such tool.
    """
    commands = {
        TCPDUMP: tcpdump(device, files.written),
        TSHARK: ["tshark", "-i", device, "-n", "-q", "-z", "io,stat,0", "-f", "udp"],
    }
    return commands[tool]


def tcpdump(device: str, written: Path, *options: str) -> list[str]:
    """Return the command by which tcpdump writes UDP packets into a file, as root of a user namespace."""
    return without_setgroups(["tcpdump", "-i", device, "-n", "-Z", "root", *options, "-w", str(written), "udp"])
