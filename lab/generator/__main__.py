"""`python -m lab.generator --port0 p0 --port1 p1`: runs the generator until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Sequence

# The sums of numpy here are short: threads for them would only cost.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import zmq

from lab import logs
from lab.generator import bpf
from lab.generator.addressing import Ipv4Mode
from lab.generator.children import ChildError
from lab.generator.packet_socket import DeviceError
from lab.generator.server import Server, Settings

_NEXT_HOPS = ("02:00:00:00:0d:00", "02:00:00:00:0d:01")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.generator", description="Traffic generator of the lab.")
    for port, next_hop in enumerate(_NEXT_HOPS):
        parser.add_argument(f"--port{port}", required=True, metavar="DEVICE", help=f"network device of port {port}")
        parser.add_argument(
            f"--next-hop{port}", default=next_hop, type=_mac, metavar="MAC", help="where the port sends to"
        )
        parser.add_argument(
            f"--layer3-{port}",
            default=None,
            type=_ipv4_mode,
            metavar="ADDRESS,GATEWAY",
            help="start in layer 3 mode: the port's own IPv4 address and its gateway's, which is resolved by ARP",
        )
    parser.add_argument("--rpc", type=int, default=4501, metavar="PORT", help="requests (4501)")
    parser.add_argument("--pub", type=int, default=4500, metavar="PORT", help="published messages (4500)")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help="address of both (127.0.0.1)")
    return parser


def _mac(text: str) -> bytes:
    octets = bytes.fromhex(text.replace(":", ""))
    if len(octets) != 6:
        raise ValueError(text)
    return octets


def _ipv4_mode(text: str) -> Ipv4Mode:
    source, gateway = (ipaddress.IPv4Address(part).packed for part in text.split(","))
    return Ipv4Mode(source, gateway)


def main(argv: Sequence[str] | None = None) -> int:
    """Starts the server, says that it is ready, serves."""
    arguments = _parser().parse_args(argv)
    logs.configure("generator")
    settings = Settings(
        devices=(arguments.port0, arguments.port1),
        next_hops=(arguments.next_hop0, arguments.next_hop1),
        ipv4=(arguments.layer3_0, arguments.layer3_1),
        listen=arguments.listen,
        rpc_port=arguments.rpc,
        publisher_port=arguments.pub,
    )
    try:
        bpf.load_library()
        server = Server(settings)
    except (DeviceError, ChildError, bpf.LibraryError) as error:
        sys.stderr.write(f"generator: {error}\n")
        return 1
    except zmq.ZMQError as error:
        sys.stderr.write(
            f"generator: ports {arguments.rpc} and {arguments.pub} on {arguments.listen} - cannot listen: {error}\n"
        )
        return 1
    return _serve(server)


def _serve(server: Server) -> int:
    server.stop_on_signals()
    sys.stdout.write(f"{server.describe()}\n")
    sys.stdout.flush()
    try:
        server.run()
    except ChildError as error:
        sys.stderr.write(f"generator: {error}\n")
        return 1
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
