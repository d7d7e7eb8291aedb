"""How hard the generated histories are searched: always the same few in a check, many new ones in a long run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from hitless.measures import timelines

PROFILE_VARIABLE = "HITLESS_PROPERTIES"
"""``check`` (the default), or ``nightly``."""

# What hypothesis keeps between runs (there is no database) does not belong into the source tree.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hitless-hypothesis")

_COMMON = settings(
    deadline=None,  # timing is noise on a machine that does other things as well
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True, scope="module")
def small_pieces(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have streams measured in pieces that even generated ones are longer than; not so the large stored ones."""
    if request.module.__name__.endswith("judges"):
        yield
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timelines, "PIECE", 16)
        patched.setattr(timelines, "numbers_by_session", partial(timelines.numbers_by_session, piece=16))
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave time to make a failing example small: that takes up to five minutes."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.timeout(900))


settings.register_profile("check", _COMMON, max_examples=60, derandomize=True)
settings.register_profile("nightly", _COMMON, max_examples=2000, derandomize=False, print_blob=True)
settings.load_profile(os.environ.get(PROFILE_VARIABLE, "check"))
