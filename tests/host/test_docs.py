"""Run every command and every program of the docs as written, in this process and with one empty folder for each page."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks, run
from tests.host.command_runner import Command

from dsc_host.cli.main import command as built_command

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# `test_tutorials.py` follows the tutorials.
RUN = [page for page in PAGES if page.parent.name != "tutorials"]
# These are tested by other means: they set up the machine, or they are the test run itself.
_ELSEWHERE = ("make ",)
_SECONDS = 60
REPOSITORY = ("https://github.com/dscplus/dscplus/blob/main/", "https://raw.githubusercontent.com/dscplus/dscplus/main/")


def commands(page: Path) -> list[str]:
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a console block holds commands only"
    return [line[2:] for line in lines if not line.startswith(tuple(f"$ {start}" for start in _ELSEWHERE))]


def shell(line: str, typed: bytes = b"") -> bytes:
    return subprocess.run(["sh", "-e", "-c", line], input=typed, capture_output=True, timeout=_SECONDS, check=True).stdout


@pytest.mark.parametrize("page", [page for page in RUN if commands(page)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_in_the_docs_work(page: Path, dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dscplus.folder)
    for line in commands(page):
        before, command, words = line.rpartition("dscplus ")
        if printed := re.fullmatch(r"export (\w+)=\$\(dscplus (.*) \| (.*)\)", line):
            monkeypatch.setenv(printed[1], shell(printed[3], dscplus(*shlex.split(printed[2])).out.encode()).decode().strip())
        elif exported := re.fullmatch(r"export (\w+)=(.*)", line):
            monkeypatch.setenv(exported[1], shell(f'printf %s "{exported[2]}"').decode())
        elif not command:
            shell(line)
        else:
            words, _, source = words.partition(" < ")
            typed = Path(source).read_bytes() if source else shell(before.removesuffix(" | "))
            done = dscplus(*shlex.split(os.path.expandvars(words)), stdin=typed)
            assert done.code == 0, f"{line}\n{done.err}"
    # Everybody knows the keys of the examples.
    dscplus.printed.clear()


@pytest.mark.parametrize(
    "page", [page for page in RUN if blocks(page, "python")], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_programs_in_the_docs_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for program in blocks(page, "python"):
        run(program, str(page), {"__name__": "__main__"})


def shown(page: Path) -> list[str]:
    """Return the commands that the page only shows, because they need what is missing here or would not end."""
    fenced = re.findall(r"^```([a-z]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(text for language, text in fenced if language in ("", "bash")).replace("\\\n", "").splitlines()
    return [line for line in lines if line.startswith("dscplus ")]


@pytest.mark.parametrize("line", [line for page in PAGES for line in shown(page)])
def test_the_commands_that_the_docs_only_show_are_there_with_these_options(line: str) -> None:
    command: Any = built_command()
    words = shlex.split(line)
    context = command.make_context(words[0], words[1:])
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*getattr(context, "_protected_args", ()), *context.args])
        context = command.make_context(name, rest, parent=context)
    assert context.info_name in words


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"^\$ make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_every_link_in_the_docs_leads_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)|src=\"([^\"]+)\"", text):
            path = "".join(target)
            if own := next((each for each in REPOSITORY if path.startswith(each)), ""):
                assert (ROOT / path.removeprefix(own)).exists(), f"{page.name}: {path}"
            elif not path.startswith("http"):
                assert page != ROOT / "README.md", f"{path}: a package index has no files beside the README"
                assert (page.parent / path).exists(), f"{page.name}: {path}"
