"""A session with TRex's own console, with a generator and a router."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.generator import console_session
from tests.generator.inside import world


def main():
    with world.routed_generator():
        world.report(console_session.run(Path(sys.argv[1]).parent, world.RPC, world.PUB))


if __name__ == "__main__":
    main()
