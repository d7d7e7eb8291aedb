"""`python -m lab.vim`: makes and removes units as servers."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from lab import logs, rest
from lab.decider.client import DeciderClient
from lab.linux import die_with_parent
from lab.loading import load_part
from lab.vim.api import Api, endpoints, refusal_body
from lab.vim.catalogue import UnitOptions
from lab.vim.servers import Servers
from lab.vim.units import UnitProcess


def main() -> None:
    """Serve in the main namespace."""
    arguments = _arguments()
    die_with_parent()
    logs.configure("vim")
    decider = DeciderClient(arguments.decider)

    def start_unit(number: int, options: UnitOptions) -> UnitProcess:
        return UnitProcess(number, options, decider.pid, arguments.store)

    servers = Servers(start_unit, decider, lambda: datetime.now(UTC))
    api = Api(load_part(arguments.catalogue)(), servers)
    rest.serve(rest.application(endpoints(api), refusal_body=refusal_body), rest.bind(arguments.listen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.vim", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8002", help="HOST:PORT of the REST interface")
    parser.add_argument("--decider", default="http://127.0.0.1:8003", help="base URL of the decider")
    parser.add_argument("--store", help="HOST:PORT of the state store that units share; default: they have none")
    parser.add_argument("--catalogue", default="lab.vim.catalogue:StandardCatalogue", help="module:Class of the tables")
    return parser.parse_args()


if __name__ == "__main__":
    main()
