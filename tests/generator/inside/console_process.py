"""TRex's own console in a process of its own: `python -m ... PORT PUBLISHER_PORT`; it reads commands as if typed.

Only its history file, which has a fixed place on the machine, is left out.
"""

from __future__ import annotations

import sys

from tests.generator.inside.client_process import import_client


def main():
    import_client()
    from trex.console import trex_console  # noqa: PLC0415 - only now can it be found

    trex_console.TRexGeneralCmd.load_console_history = lambda _: None
    trex_console.TRexGeneralCmd.save_console_history = lambda _: None
    requests, published, *more = sys.argv[1:]
    where = ["-s", "127.0.0.1", "-p", requests, "--async_port", published]
    sys.argv = ["trex-console", *where, "-u", "tester", *more]
    trex_console.main()


if __name__ == "__main__":
    main()
