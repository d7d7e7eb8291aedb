"""Importing TRex's client, here and as newer Pythons would see it; in processes of their own, for it changes them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.processes

REPORT = """
from hitless.traffic.trex_shim import import_trex
api = import_trex()
import json, sys
import scapy, yaml, zmq
import scapy.modules.six as six
print(json.dumps({
    "client": api.STLClient.__name__,
    "yaml": yaml.safe_load("a: 1"),
    "yaml_from": yaml.__file__,
    "zmq_from": zmq.__file__,
    "scapy_from": scapy.__file__,
    "six_from": six.__file__,
    "moved": six.moves.range(3)[2],
    "six_name": six.__spec__.name,
    "reload": sys.modules["imp"].reload.__name__,
}))
"""


def report(preparation: str, *options: str) -> dict:
    code = textwrap.dedent(preparation) + REPORT
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


PYTHON_3_12 = "import sys; sys.modules['imp'] = None"
PYTHON_3_13 = "import sys; sys.modules['imp'] = None; sys.modules['cgi'] = None"
LOADED_BEFORE = "import yaml, zmq, six"


@pytest.mark.parametrize("preparation", ["", PYTHON_3_12, PYTHON_3_13, LOADED_BEFORE])
def test_the_client_is_imported_and_installed_libraries_stay_in_use(preparation):
    found = report(preparation)
    assert found["client"] == "STLClient"
    assert found["yaml"] == {"a": 1}
    assert "external_libs" not in found["yaml_from"]
    assert "external_libs" not in found["zmq_from"]
    assert "external_libs" not in found["six_from"]
    assert "external_libs/scapy-2.4.3" in found["scapy_from"]
    assert found["moved"] == 2
    assert found["reload"] == "reload"
    assert found["six_name"] == "six"


def test_it_is_imported_where_warnings_are_errors():
    assert report("", "-W", "error")["client"] == "STLClient"


def test_no_importer_without_find_spec_is_needed():
    """Python 3.12 ignores importers that only have find_module; 3.11 warns when it falls back to one."""
    watch = """
        import importlib._bootstrap as bootstrap
        def refuse(finder, name, path):
            raise AssertionError(f"{name} was found by find_module of {finder}")
        bootstrap._find_spec_legacy = refuse
    """
    assert report(watch)["client"] == "STLClient"


def test_a_second_scapy_is_passed_over(tmp_path):
    other = tmp_path / "scapy"
    other.mkdir()
    (other / "__init__.py").write_text("raise ImportError('upstream scapy lacks what TRex patched in')\n")
    assert "external_libs/scapy-2.4.3" in report(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")["scapy_from"]
