"""Python runs this first where its folder is on PYTHONPATH: gives a process of the tester less room than it needs.

``LYING_RING_BLOCKS``: blocks of the generator's receive ring. ``LYING_CAPTURE_LIMIT``: packets that a capture holds.
"""

from __future__ import annotations

import os
from dataclasses import replace

if "LYING_RING_BLOCKS" in os.environ:
    from lab.generator import rx_ring

    rx_ring.PORT_RING = replace(rx_ring.PORT_RING, blocks=int(os.environ["LYING_RING_BLOCKS"]))
if "LYING_CAPTURE_LIMIT" in os.environ:
    from hitless.traffic import capture

    capture.Capture.__init__.__defaults__ = (capture.PROBE_FILTER, int(os.environ["LYING_CAPTURE_LIMIT"]))
