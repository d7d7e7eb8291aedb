"""Python runs this first where its folder is on PYTHONPATH: gives a process of the tester less room than it needs.

The worker always waits for late packets no longer than the small path could hold them, and, where some are lost, than
judges want to know that none was on its way.
``LYING_RING_BLOCKS``: blocks of the generator's receive ring. ``LYING_CAPTURE_LIMIT``: packets that a capture holds.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

generating = any(word.startswith("lab.generator") for word in sys.orig_argv)
sampling = "hitless.traffic.worker" in sys.orig_argv
if generating and "LYING_RING_BLOCKS" in os.environ:
    from lab.generator import rx_ring

    rx_ring.PORT_RING = replace(rx_ring.PORT_RING, blocks=int(os.environ["LYING_RING_BLOCKS"]))
if sampling and "LYING_CAPTURE_LIMIT" in os.environ:
    from hitless.traffic import capture

    capture.Capture.__init__.__defaults__ = (capture.PROBE_FILTER, int(os.environ["LYING_CAPTURE_LIMIT"]))
if sampling:
    from hitless.traffic import recorder

    recorder.SETTLED_NS, recorder.SETTLED_WITH_LOSS_NS = 150_000_000, 1_100_000_000
