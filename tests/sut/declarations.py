"""A right declaration, and wrong ones made from it."""

from __future__ import annotations

import copy
from typing import Any

import yaml

RIGHT = """\
schema_version: 1
name: example
vnf:
  source: {vnfd_id: d1, software_version: "1.0"}
  target: {vnfd_id: d2, software_version: "2.0"}
  flavour_id: default
  rated_capacity: {value_pps: 10000, frame_bytes: 128, new_sessions_per_s: 500}
  session_timeout_s: 5
mano:
  sol003:
    api_root: http://127.0.0.1:8001
traffic:
  profile: profile.py
  trex: {server: 127.0.0.1}
  attachment: l2
"""


def data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(RIGHT)
    return copy.deepcopy(loaded)


def with_value(path: str, value: Any) -> dict[str, Any]:
    """Return the right declaration with one value set, by its dotted path."""
    changed = data()
    section: Any = changed
    *around, last = path.split(".")
    for part in around:
        section = section.setdefault(part, {})
    section[last] = value
    return changed


def written(changed: dict[str, Any]) -> str:
    return yaml.safe_dump(changed, sort_keys=False)
