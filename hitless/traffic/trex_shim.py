"""Makes TRex's Python client importable on Python 3.11 to 3.13, without harm to the libraries that are installed.

The client was written for Python 3.8. What it needs and newer versions lack: ``imp`` (gone in 3.12), ``cgi`` (gone in
3.13), importers without ``find_spec`` (ignored since 3.12; its bundled scapy carries an old copy of ``six`` with one).
It also puts old copies of PyYAML, pyzmq and others *before* the installed ones, unless it finds their folders in
``sys.path`` already: so they are put at its end first. Its scapy is patched for TRex and has to come first.

Only the worker process may import TRex: importing changes the whole interpreter.
"""

from __future__ import annotations

import html
import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

_BUNDLED_LAST = (
    "texttable-0.8.4",
    "pyyaml-3.11/python3",
    "pyzmq-ctypes",
    "simpy-3.0.10",
    "trex-openssl",
    "dpkt-1.9.1",
    "repoze",
)
_BUNDLED_FIRST = "scapy-2.4.3"
_OLD_SIX = "scapy.modules.six"


def import_trex() -> Any:
    """Import TRex's stateless API and return the module ``trex.stl.api``.

    Raises:
        ImportError: ``lbr-trex-client`` is not installed, or has other contents than version 3.4.0.
    """
    with warnings.catch_warnings():
        # The client warns about itself in a dozen ways; where warnings are errors it could not be imported at all.
        warnings.simplefilter("ignore")
        _supply_removed_modules()
        sys.meta_path.insert(0, _SixFinder())
        package = importlib.import_module("lbr_trex_client")
        _order_bundled_libraries(Path(str(package.__file__)).parent / "external_libs")
        return importlib.import_module("trex.stl.api")


def _supply_removed_modules() -> None:
    """Put small stand-ins for ``imp`` and ``cgi`` in place where Python has none."""
    if not _importable("imp"):
        stand_in = types.ModuleType("imp")
        stand_in.reload = importlib.reload  # type: ignore[attr-defined]
        sys.modules["imp"] = stand_in
    if not _importable("cgi"):
        stand_in = types.ModuleType("cgi")
        stand_in.escape = html.escape  # type: ignore[attr-defined]
        sys.modules["cgi"] = stand_in


def _importable(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None


def _order_bundled_libraries(external_libs: Path) -> None:
    bundled = [str(external_libs / name) for name in (_BUNDLED_FIRST, *_BUNDLED_LAST)]
    missing = [folder for folder in bundled if not Path(folder).is_dir()]
    if missing:
        raise ImportError(f"TRex client - unknown contents - Expected: lbr-trex-client 3.4.0 with {missing[0]}")
    # os.path.realpath would not do: TRex compares with the very string that it builds from the same folder name.
    sys.path.insert(0, bundled[0])
    sys.path.extend(bundled[1:])


class _SixLoader(Loader):
    """Gives the installed ``six`` (or one of its moved modules) a second name."""

    def __init__(self) -> None:
        self._real_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """Return the real module."""
        module = importlib.import_module("six" + spec.name.removeprefix(_OLD_SIX))
        self._real_spec = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Undo what the import system has written into the module; it was executed under its real name."""
        module.__spec__ = self._real_spec


class _SixFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == _OLD_SIX or fullname.startswith(_OLD_SIX + "."):
            return ModuleSpec(fullname, _SixLoader(), is_package=fullname in {_OLD_SIX, _OLD_SIX + ".moves"})
        return None
