"""The command that builds packages into files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.sol.__main__ import main
from tests.nfvo.sources import PACKAGES, VNFD_2_0, package


def test_a_file_for_each_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(PACKAGES), str(tmp_path / "made")]) == 0
    made = {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir()}
    assert set(made) == {f"lab-gateway-{version}.csar" for version in ("0.9", "1.0", "1.0.1", "2.0", "2.0-faulty")}
    assert made["lab-gateway-2.0.csar"] == package("2.0")
    printed = capsys.readouterr()
    assert f"vnfdId {VNFD_2_0}" in printed.out + printed.err


def test_nothing_to_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "made")]) == 1
    printed = capsys.readouterr()
    assert "no packages" in printed.out + printed.err
