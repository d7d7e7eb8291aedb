"""`python -m lab.controller`: computes buckets and selections from shares and rules, gives them to the decider."""

from __future__ import annotations

import argparse

from lab import logs, rest
from lab.controller.service import Controller, endpoints
from lab.decider.client import DeciderClient
from lab.linux import die_with_parent
from lab.loading import load_part


def main() -> None:
    """Serve in the main namespace."""
    arguments = _arguments()
    die_with_parent()
    logs.configure("controller")
    bucket_hash = load_part(arguments.hash)()
    controller = Controller(bucket_hash, DeciderClient(arguments.decider))
    rest.serve(rest.application(endpoints(controller)), rest.bind(arguments.listen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.controller", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8005", help="HOST:PORT of the REST interface")
    parser.add_argument("--decider", default="http://127.0.0.1:8003", help="base URL of the decider")
    parser.add_argument("--hash", default="lab.controller.buckets:BitReversedHash", help="module:Class of the hash")
    return parser.parse_args()


if __name__ == "__main__":
    main()
