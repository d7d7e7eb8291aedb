"""Run as a program: loads the profile as TRex does, tells its streams (importing TRex changes a process)."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys

from hitless.traffic.trex_shim import import_trex


def load(path: str, direction: int, tunables: list[str]) -> object:
    with contextlib.redirect_stdout(sys.stderr):
        profile = trex.STLProfile.load(path, direction=direction, port_id=direction, tunables=tunables)
    return None if profile is None else profile.to_json()


trex = import_trex()
path, requests = sys.argv[1], json.loads(sys.argv[2])
spec = importlib.util.spec_from_file_location("profile", path)
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
answers = {
    "describe": module.describe([]),
    "describe_three": module.describe(["--service-types", "3"]),
    "streams": [load(path, direction, tunables) for direction, tunables in requests],
    "console_tunables": trex.STLProfile.get_module_tunables(module),
}
sys.stdout.write(json.dumps(answers) + "\n")
