"""The checks of a release find what is wrong with it. `make release-check` runs them on real distributions."""

import runpy
import sys
import tomllib

import pytest
from tests.checkout import ROOT

from dsc_host.version import VERSION

if sys.platform == "win32":
    pytest.skip("the renderer of descriptions has no wheel for Windows", allow_module_level=True)

from tests.release import distributions, environments

METADATA = f"""\
Metadata-Version: 2.4
Name: dscplus
Version: {VERSION}
License-Expression: MIT
License-File: LICENSE
Description-Content-Type: text/markdown

# dscplus
"""


def test_each_extra_is_tried() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    tried = {*environments.TRIALS, *environments.NOT_TRIED}
    assert set(extras) == tried, "add the extra to TRIALS in tests/release/environments.py, with a use of it"


@pytest.mark.parametrize(
    ("problems", "words"),
    [
        (distributions.of_metadata(METADATA), []),
        (distributions.of_metadata(METADATA.replace("MIT", "Mine")), ["license-expression"]),
        (distributions.of_metadata(METADATA.replace("License-File: LICENSE\n", "")), ["license or its file"]),
        (distributions.of_metadata(METADATA.replace(f"Version: {VERSION}", "Version: 9.9")), ["not " + VERSION]),
        (distributions.of_description("[a](https://x.example) [b](#b) ![c](docs/c.png)"), ["docs/c.png"]),
        (distributions.of_contents("wheel", ["a", "b"], ["b", "c"]), ["c is missing", "a does not belong there"]),
        (distributions.of_changelog(f"## [Unreleased]\n\n## [{VERSION}] - 2026-01-31\n"), []),
        (distributions.of_changelog(f"## [{VERSION}] - 2026-01-31\n"), [f"no section '## [{VERSION}]"]),
        (distributions.of_changelog("## [Unreleased]\n"), [f"no section '## [{VERSION}]"]),
    ],
)
def test_a_problem_is_found(problems: list[str], words: list[str]) -> None:
    found = list(problems)
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True)), found


def test_names_in_the_wheel() -> None:
    assert distributions.in_wheel(["host/dsc_host/py.typed"]) == {
        "dsc_host/py.typed", "dsc_host/flash/board_files/main.py", "dsc_host/flash/board_files/manifest.py",
    }  # fmt: skip
    assert {"host/dsc_host/py.typed", "simulator/dsc_simulator/py.typed"} <= set(distributions.tracked(*distributions.PACKAGES))


def test_the_changelog_has_this_version() -> None:
    assert list(distributions.of_changelog((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))) == []


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["dsc_host", "--version"])
    with pytest.raises(SystemExit) as done:
        runpy.run_module("dsc_host", run_name="__main__")
    assert (done.value.code, capsys.readouterr().out) == (0, f"dscplus {VERSION}\n")
