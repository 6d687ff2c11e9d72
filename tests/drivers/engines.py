"""Runs a program on either interpreter with a simulated chip. Tests look at the lines that the program prints."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

GUEST = Path(__file__).parent / "guest"
_HEAP = 48 * 1024 * 1024
_LIMIT = 20_000_000_000
_START = """
import host
def say(*words):
    host.call("say", " ".join([str(word) for word in words]) + "\\n")
from rig import *
"""


def play(engine: str, program: str) -> list[str]:
    """Return the lines that `program` prints. It may use `FOLDER`, an empty folder."""
    return _on_cpython(program) if engine == "cpython" else _on_micropython(program)


def _on_cpython(program: str) -> list[str]:
    said: list[str] = []
    names: dict[str, Any] = {"say": lambda *words: said.append(" ".join(map(str, words)))}
    with _own_modules():
        exec(compile("from rig import *\n" + program, "program", "exec"), names)
    return said


@contextmanager
def _own_modules() -> Iterator[None]:
    """Provide fresh modules of drivers, boards and guests inside the block, and restore all modules afterwards."""
    before = dict(sys.modules)
    for name in before:
        if name.startswith(("dsc_firmware.drivers", "dsc_firmware.boards")):
            del sys.modules[name]
    sys.path.insert(0, str(GUEST))
    try:
        yield
    finally:
        sys.path.remove(str(GUEST))
        for name in set(sys.modules) - set(before):
            if name in ("machine", "micropython", "rig") or name.startswith(("fake_", "dsc_firmware.")):
                del sys.modules[name]
        sys.modules.update(before)


@cache
def _guests() -> dict[str, bytes]:
    """Compile the guests once in a process, with their assertions, which the boards' own options leave out."""
    from dsc_simulator.engines.image import compile_module

    return {path.stem + ".mpy": compile_module(path.name, path.read_bytes(), ()) for path in GUEST.glob("*.py")}


def _on_micropython(program: str) -> list[str]:
    from dsc_simulator.engines.image import firmware_files
    from dsc_simulator.engines.vm import VM

    said: list[str] = []

    def answer(name: str, text: str) -> None:
        assert name == "say"
        said.append(text)

    vm = VM(_START + program, answer, heap=_HEAP, files=firmware_files() | _guests())
    try:
        vm.finish(_LIMIT)
    finally:
        vm.stop()
    return list(itertools.chain.from_iterable(text.splitlines() for text in said))
