"""``python -m hitless``."""

from __future__ import annotations

import sys

from hitless.cli import main

sys.exit(main())
