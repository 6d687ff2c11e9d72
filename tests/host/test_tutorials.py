"""Follow every tutorial as printed, in the order of the page, in a shell whose home is an empty folder.

A block with a title is a file to save. A `console` block is typed, and a `text` block after it is what must be printed: `...`
stands for anything. A `python` block without a title is a program to run. What only installs something is left out, and so is a
`bash` block, which needs a person or a board; `test_docs.py` tests the options of those commands.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.checkout import ROOT

PAGES = sorted(path for path in ROOT.glob("docs/tutorials/*.md") if "```console\n" in path.read_text(encoding="utf-8"))
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_SECONDS = 120
_END = "END-OF-FILE"

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")]


def installs(line: str) -> bool:
    return line.startswith(("python3 -m venv ", ". ", "pip install "))


def steps(page: Path) -> list[tuple[str, str]]:
    """Return the shell commands of the page, each with what it must print."""
    found: list[tuple[str, str]] = []
    for language, title, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if title:
            found.append((f"cat > {shlex.quote(title)} <<'{_END}'\n{text}{_END}", ""))
        elif language == "python":
            found.append((f"python - <<'{_END}'\n{text}{_END}", ""))
        elif language == "console":
            lines = text.removeprefix("$ ").split("\n$ ")
            found += [(line.strip("\n"), "") for line in lines if not installs(line)]
        elif language == "text" and found:
            found[-1] = (found[-1][0], text)
    return found


def fits(printed: str, expected: str) -> bool:
    pattern = re.escape(" ".join(expected.split())).replace(re.escape("..."), ".*")
    return re.search(pattern, " ".join(printed.split()), re.DOTALL) is not None


def test_there_are_tutorials() -> None:
    assert len(PAGES) == 5


@pytest.mark.parametrize(
    ("printed", "fitting"), [("a\n12345678\nTrue", True), ("a\nTrue", False), ("a 1\nFalse", False), ("b\n1\nTrue", False)]
)
def test_what_is_printed_is_compared(printed: str, fitting: bool) -> None:
    assert fits(printed, "a ...\nTrue\n") is fitting


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_can_be_followed(page: Path, tmp_path: Path) -> None:
    script = ["set -e"]
    expected = steps(page)
    for number, (command, _) in enumerate(expected):
        script += [f"exec > {tmp_path}/out.{number} 2>&1", command]
    home = tmp_path / "home"
    home.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    shell = subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=home, env=environment, start_new_session=True)
    try:
        code = shell.wait(_SECONDS)
    finally:
        # Servers that the page starts in the background end with it.
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    for number, (command, wanted) in enumerate(expected):
        out = tmp_path / f"out.{number}"
        assert out.exists(), f"{expected[number - 1][0]}\n{(tmp_path / f'out.{number - 1}').read_text()}"
        assert fits(out.read_text(), wanted), f"{command}\nprinted {out.read_text()}\nand not {wanted}"
    assert code == 0, f"{expected[-1][0]}\n{out.read_text()}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_tutorial_installs_is_installed_here(page: Path) -> None:
    lines = re.findall(r"^\$ pip install (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    for requirement in (Requirement(word) for line in lines for word in shlex.split(line)):
        extras = distribution(requirement.name).metadata.get_all("Provides-Extra") or []
        assert requirement.extras <= set(extras)
