"""Judges: one pure function per requirement, from a history and its limits to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hitless.history import History
from hitless.judges.cap_01 import judge_cap_01
from hitless.judges.cap_02 import judge_cap_02
from hitless.judges.lcm_01 import judge_lcm_01
from hitless.judges.lcm_02 import judge_lcm_02
from hitless.judges.lcm_03 import judge_lcm_03
from hitless.judges.lcm_04 import judge_lcm_04
from hitless.judges.lcm_05 import judge_lcm_05
from hitless.judges.meter import with_meter
from hitless.judges.rbk_01 import judge_rbk_01
from hitless.judges.rbk_02 import judge_rbk_02
from hitless.judges.rbk_04 import judge_rbk_04
from hitless.judges.rbk_05 import judge_rbk_05
from hitless.judges.trf_01 import judge_trf_01
from hitless.judges.trf_02 import judge_trf_02
from hitless.judges.trf_03 import judge_trf_03
from hitless.judges.trf_06 import judge_trf_06
from hitless.judges.upg_01 import judge_upg_01
from hitless.judges.upg_02 import judge_upg_02
from hitless.judges.upg_03 import judge_upg_03
from hitless.judges.upg_04 import judge_upg_04
from hitless.judges.upg_05 import judge_upg_05
from hitless.verdict import Verdict

Judge = Callable[[History, Mapping[str, float]], Verdict]

_JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "RQ-CAP-01": judge_cap_01,
        "RQ-CAP-02": judge_cap_02,
        "RQ-TRF-01": judge_trf_01,
        "RQ-TRF-02": judge_trf_02,
        "RQ-TRF-03": judge_trf_03,
        "RQ-TRF-06": judge_trf_06,
        "RQ-UPG-01": judge_upg_01,
        "RQ-UPG-02": judge_upg_02,
        "RQ-UPG-03": judge_upg_03,
        "RQ-UPG-04": judge_upg_04,
        "RQ-UPG-05": judge_upg_05,
        "RQ-RBK-01": judge_rbk_01,
        "RQ-RBK-02": judge_rbk_02,
        "RQ-RBK-04": judge_rbk_04,
        "RQ-RBK-05": judge_rbk_05,
        "RQ-LCM-01": judge_lcm_01,
        "RQ-LCM-02": judge_lcm_02,
        "RQ-LCM-03": judge_lcm_03,
        "RQ-LCM-04": judge_lcm_04,
        "RQ-LCM-05": judge_lcm_05,
    }
)
_BY_MANO_ALONE = frozenset({"RQ-CAP-02", "RQ-RBK-04", "RQ-LCM-01", "RQ-LCM-02", "RQ-LCM-03", "RQ-LCM-04", "RQ-LCM-05"})
"""Requirements whose judges look at no probe."""

JUDGES: Mapping[str, Judge] = MappingProxyType(
    {name: with_meter(judge, by_probes=name not in _BY_MANO_ALONE) for name, judge in _JUDGES.items()}
)
"""The judge of each requirement, by its full id, the meter's own checks included."""

__all__ = [
    "JUDGES",
    "Judge",
    "judge_cap_01",
    "judge_cap_02",
    "judge_lcm_01",
    "judge_lcm_02",
    "judge_lcm_03",
    "judge_lcm_04",
    "judge_lcm_05",
    "judge_rbk_01",
    "judge_rbk_02",
    "judge_rbk_04",
    "judge_rbk_05",
    "judge_trf_01",
    "judge_trf_02",
    "judge_trf_03",
    "judge_trf_06",
    "judge_upg_01",
    "judge_upg_02",
    "judge_upg_03",
    "judge_upg_04",
    "judge_upg_05",
]
