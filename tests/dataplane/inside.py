"""`python -m tests.dataplane.inside MODULE:FUNCTION`: runs a scenario in the namespaces we are in, writes JSON."""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    module_name, _, function = sys.argv[1].partition(":")
    scenario = getattr(importlib.import_module(f"tests.dataplane.{module_name}"), function)
    sys.stdout.write(json.dumps(scenario()))


if __name__ == "__main__":
    main()
