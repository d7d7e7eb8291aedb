"""A session with the unchanged client library, with a generator and a router."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.generator import client_session
from tests.generator.inside import world


def main():
    with world.routed_generator():
        world.report(client_session.run(Path(sys.argv[1]).parent, world.RPC, world.PUB))


if __name__ == "__main__":
    main()
