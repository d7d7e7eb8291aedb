"""How hard the generated histories are searched: always the same few in a check, many new ones in a long run."""

from __future__ import annotations

import os
import tempfile

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

PROFILE_VARIABLE = "HITLESS_PROPERTIES"
"""``check`` (the default), or ``nightly``."""

# What hypothesis keeps between runs (there is no database) does not belong into the source tree.
set_hypothesis_home_dir(os.path.join(tempfile.gettempdir(), "hitless-hypothesis"))  # noqa: PTH118 - it wants a string

_COMMON = {
    "deadline": None,  # timing is noise on a machine that does other things as well
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("check", max_examples=100, derandomize=True, **_COMMON)
settings.register_profile("nightly", max_examples=2000, derandomize=False, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get(PROFILE_VARIABLE, "check"))
