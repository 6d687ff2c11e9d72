"""The tiers of the suite: each expensive test is marked, and a run says what it left out."""

import re
import subprocess
import sys
from pathlib import Path

from tests import tiers
from tests.checkout import ROOT

COSTLY = re.search(r"^COSTLY := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def collected(*arguments: str, folder: Path = ROOT / "tests") -> str:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_make_test_leaves_out_each_costly_marker() -> None:
    assert COSTLY
    assert COSTLY[1].split(" or ") == list(tiers.MARKERS)


def test_a_run_says_what_it_left_out_and_how_to_run_it() -> None:
    told = collected("-m", "not postgresql", folder=ROOT / "tests/host/verifier/test_owners.py").splitlines()
    wanted = re.compile(r"left out: [1-9]\d* on PostgreSQL; `make test-rest` runs these, `make test-all` everything")
    assert [line for line in told if wanted.fullmatch(line)], told
