from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.lateness import late_ratios
from hitless.measures.spans import Span
from tests.core.builders import Scene, at

WHOLE = Span(at(8.0), at(27.5))


def test_each_second_has_its_part_of_late_probes():
    late = late_ratios(Scene(delays=((12.25, 13.0, 1.5),)).history().probes, WHOLE)
    assert len(late) == 19
    assert late[4] == pytest.approx(0.75, abs=0.001)
    assert np.delete(late, 4).max() == 0.0


def test_exactly_the_patience_is_not_late():
    probes = Scene(delays=((12.0, 13.0, 1.0),)).history().probes
    assert late_ratios(probes, WHOLE).max() == 0.0


def test_no_probes_are_not_late():
    probes = Scene(without_groups=("long-sessions", "new-sessions")).history().probes
    assert late_ratios(probes, WHOLE).tolist() == [0.0] * 19
