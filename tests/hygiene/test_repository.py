"""Rules that hold for the whole repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(*patterns):
    run = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in run.stdout.split() if (ROOT / name).is_file()]


def lines_with(pattern, paths):
    expression = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if expression.search(line)
    ]


def test_the_suite_never_speaks_of_the_embedded_system():
    assert tracked("hitless/*.py")
    assert lines_with(r"\blab\b", tracked("hitless/*.py", "steps/*.py", "fixtures/*.py", "features/*")) == []


def test_no_clause_of_rel_006_is_cited():
    pattern = r"REL[ -]?006[^\n]{0,20}clause"
    texts = tracked("*.py", "*.feature", "*.md", "*.yaml")
    assert [hit for hit in lines_with(pattern, texts) if "tests/hygiene" not in hit] == []


def test_no_registry_host_is_named():
    hosts = "|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", r"deb\.debian" + r"\.org"])
    assert lines_with(hosts, tracked()) == []


@pytest.mark.parametrize("pattern", [r"(^|[^\w.-])/" + r"(work|farm)/", r"\.\./" + "shared"])
def test_no_path_of_a_certain_machine_is_named(pattern):
    assert lines_with(pattern, [path for path in tracked() if ".ci" not in path.parts]) == []
