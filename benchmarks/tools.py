"""The tools that the generator is held against, as command lines; each sends one packet over and over, unpaced."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packets import for_mausezahn, for_trafgen, payload_bytes, write_pcap
from benchmarks.wire import HERE, SINK_ADDRESS

OURS = "generator"
TRAFGEN, TCPREPLAY, IPERF3, MAUSEZAHN = "trafgen", "tcpreplay", "iperf3 -u", "mausezahn"
SENDERS = (TRAFGEN, TCPREPLAY, IPERF3, MAUSEZAHN)
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
        write_pcap(self.capture(frame_bytes), frame_bytes)


def executable(tool: str) -> str:
    """Return the program of a tool."""
    return tool.split(maxsplit=1)[0]


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [executable(tool) for tool in (*SENDERS, *RECEIVERS) if shutil.which(executable(tool)) is None]


def sender(tool: str, frame_bytes: int, files: Files) -> list[str]:
    """Return the command by which a tool sends for ever as fast as it can, in one thread.

    Raises:
        KeyError: no such tool.
    """
    commands = {
        TRAFGEN: trafgen(frame_bytes, files, 0),
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


def trafgen(frame_bytes: int, files: Files, count: int) -> list[str]:
    """Return the command by which trafgen sends so many packets; 0 is for ever."""
    config = str(files.config(frame_bytes))
    words = ["trafgen", "--dev", HERE, "--conf", config, "--cpus", "1", "--no-sock-mem", "--no-cpu-stats"]
    return [*words, "--num", str(count)] if count else words


def receiver(tool: str, device: str, files: Files) -> list[str]:
    """Return the command by which a tool receives until it is interrupted.

    Raises:
        KeyError: no such tool.
    """
    commands = {
        TCPDUMP: ["tcpdump", "-i", device, "-n", "-Z", "root", "-w", str(files.written), "udp"],
        TSHARK: ["tshark", "-i", device, "-n", "-q", "-z", "io,stat,0", "-f", "udp"],
    }
    return commands[tool]
