"""Putting the firmware on a board that runs MicroPython, and taking it off again.

Promises: a board that is cut off at any moment of an update starts the old program or the new one, never a mixture; what is on
the board already is not sent again; the card's key and counter (`/dsc0.bin`, `/dsc1.bin`) and `/board.json` stay as they are.

How: each program has a folder of its own, `/dsc/<digest>`, which its `/main.py` puts first on `sys.path`. The new folder is
filled beside the old one and read back; then the new `main.py` takes the old one's name, which is one step; then the old
folder goes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dsc_host.errors import InputError
from dsc_host.flash import snippets
from dsc_host.flash.board_session import BoardFull, BoardSession, Tell
from dsc_host.flash.errors import FlashError
from dsc_host.flash.firmware import BOARD, LIBRARY, MAIN, PACKAGE, board_file

OLDEST = (1, 24, 0)
"""The oldest MicroPython that the firmware runs on."""
MPY_VERSION = 6
"""The version of the compiled files."""
HOME = "/dsc"
_MAIN, _BOARD = f"/{MAIN}", f"/{BOARD}"
_LIBRARY = f"/{LIBRARY}/{PACKAGE}"
_NEW = ".new"
_SCRATCH = (_MAIN + _NEW, _BOARD + _NEW)
_RECORDS = ("/dsc0.bin", "/dsc1.bin")
_SMALL = 4096
_BLOCK = 4096
_MACHINES = {r"Raspberry Pi Pico ?2": "pico2", r"Raspberry Pi Pico\b": "pico", r"ESP32-?S3": "esp32s3"}


@dataclass(frozen=True, slots=True)
class Found:
    """What is on a board."""

    micropython: str
    machine: str
    free: int
    main: bytes | None
    board: bytes | None
    digests: Mapping[str, str]
    programs: tuple[str, ...]
    """The folders that hold a program of ours, whole or not."""

    @property
    def has_other_program(self) -> bool:
        """Whether it starts a program that is not this one."""
        return bool(self.main) and PACKAGE.encode() not in (self.main or b"")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation will do. `copied` and `kept` are files of the program, by path on the board."""

    found: Found
    home: str
    files: Mapping[str, bytes]
    copied: tuple[str, ...]
    kept: tuple[str, ...]
    leftovers: tuple[str, ...]
    main: bytes
    board: bytes | None
    wiring: Mapping[str, object]

    @property
    def size(self) -> int:
        """Bytes to send."""
        files = sum(len(self.files[path]) for path in self.copied)
        return files + (len(self.main) if self.main_changes else 0) + len(self.board or b"")

    @property
    def main_changes(self) -> bool:
        return self.found.main != self.main

    @property
    def board_name(self) -> str:
        return str(self.wiring.get("board", ""))

    @property
    def line(self) -> str:
        """What the card's line is: `usb`, which is the port that it is flashed through, or `uart`."""
        line = self.wiring.get("line")
        return str(line.get("kind", "usb")) if isinstance(line, dict) else "usb"

    @property
    def replaces_board(self) -> bool:
        """Whether wiring that is on the board already would be written over."""
        return self.board is not None and self.found.board is not None

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.copied or self.leftovers or self.main_changes or self.board is not None or self._is_elsewhere)

    @property
    def _is_elsewhere(self) -> bool:
        return any(path not in self.found.digests for path in self.files)


def examine(session: BoardSession) -> Found:
    """What is on the board. Raises FlashError if the firmware could not run on it."""
    name, version, machine, mpy, free = session.evaluate(snippets.IDENTITY)
    micropython = ".".join(map(str, version))
    if name != "micropython":
        raise FlashError(f"{session.name}: the board runs {name}, not MicroPython")
    if tuple(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST[:2]))
        raise FlashError(
            f"{session.name}: MicroPython {micropython} is too old; put {oldest} or newer on the board: https://micropython.org/download"
        )
    if mpy != MPY_VERSION:
        raise FlashError(
            f"{session.name}: this MicroPython loads .mpy files of version {mpy or 'none'}, the firmware's are version "
            f"{MPY_VERSION}; put a release of https://micropython.org/download on the board"
        )
    return Found(
        micropython=micropython,
        machine=machine,
        free=free,
        main=session.evaluate(snippets.contents(_MAIN, _SMALL)),
        board=session.evaluate(snippets.contents(_BOARD, _SMALL)),
        digests=session.evaluate(snippets.digests([HOME, _LIBRARY])),
        programs=_programs(session),
    )


def _programs(session: BoardSession) -> tuple[str, ...]:
    homes = [f"{HOME}/{name}" for name in session.evaluate(snippets.listing(HOME))]
    images = [_LIBRARY] if PACKAGE in session.evaluate(snippets.listing(f"/{LIBRARY}")) else []
    return (*homes, *images)


def plan(found: Found, program: Mapping[str, bytes], board: str | None = None) -> Plan:
    """What to do so that the board runs `program` (as `firmware_files` gives it).

    `board` names the ready-made wiring; without it, what is on the board stays, or the board's own name tells.
    Raises InputError if it does not.
    """
    home = f"{HOME}/{_digest(program)}"
    files = {home + path.removeprefix(LIBRARY): data for path, data in program.items() if path != MAIN}
    known = set(found.digests.values())
    wiring = _wiring(found, board)
    return Plan(
        found=found,
        home=home,
        files=files,
        copied=tuple(path for path, data in files.items() if _sha256(data) not in known),
        kept=tuple(path for path, data in files.items() if _sha256(data) in known),
        leftovers=tuple(folder for folder in found.programs if folder != home),
        main=f'import sys\n\nsys.path.insert(0, "{home}")\n'.encode() + program[MAIN],
        board=None if wiring == found.board else wiring,
        wiring=_parsed(wiring),
    )


def install(session: BoardSession, steps: Plan, progress: Tell = lambda count: None) -> None:
    """Carry out a plan. Raises FlashError, LinkClosed, LinkTimeout, ProtocolError; the old program is then still there."""
    try:
        _fill(session, steps, progress)
    except BoardFull as error:
        session.evaluate(snippets.remove([*_SCRATCH, *([] if _is_live(steps) else [steps.home])]))
        raise FlashError(
            f"{session.name}: the board's file system is full: the firmware needs {_kilobytes(_needed(steps))}, and "
            f"{_kilobytes(steps.found.free)} are free. Remove files of yours from it, with: mpremote fs ls, mpremote fs rm"
        ) from error
    _switch(session, steps)
    # Only now is the old program not needed any more.
    session.evaluate(snippets.remove(list(steps.leftovers)))


def removable(session: BoardSession) -> tuple[str, ...]:
    """What is on the board of the program, its wiring and the card's key and counter; nothing else."""
    main = session.evaluate(snippets.contents(_MAIN, _SMALL))
    # First of all: whatever is cut off afterwards, no half of a program starts.
    ours = [_MAIN] if main is not None and PACKAGE.encode() in main else []
    there: list[str] = session.evaluate(snippets.existing([*ours, HOME, _LIBRARY, *_SCRATCH, _BOARD, *_RECORDS]))
    return tuple(there)


def remove(session: BoardSession, paths: tuple[str, ...]) -> None:
    """Take what `removable` found off the board."""
    session.evaluate(snippets.remove(list(paths)))


def _fill(session: BoardSession, steps: Plan, progress: Tell) -> None:
    """Put everything on the board that the new program needs, without touching what the old one needs."""
    present = steps.found.digests
    wanted = {path: _sha256(data) for path, data in steps.files.items()}
    session.evaluate(snippets.make_folders(_folders(steps.files)))
    twins = {digest: path for path, digest in present.items()}
    for path, data in steps.files.items():
        if present.get(path) == wanted[path]:
            continue
        if path in steps.copied:
            session.write(path, data, progress)
        else:
            session.evaluate(snippets.copy(twins[wanted[path]], path))
    if steps.board is not None:
        session.write(_BOARD + _NEW, steps.board, progress)
    if steps.main_changes:
        session.write(_MAIN + _NEW, steps.main, progress)
    _check(session, steps.home, wanted)


def _check(session: BoardSession, home: str, wanted: Mapping[str, str]) -> None:
    """Raises FlashError unless every file reads back as it should."""
    there = session.evaluate(snippets.digests([home]))
    for path, digest in wanted.items():
        if there.get(path) != digest:
            raise FlashError(f"{path} does not read back as it was written; try again. If it stays so, the flash is worn")


def _switch(session: BoardSession, steps: Plan) -> None:
    if steps.board is not None:
        session.evaluate(snippets.replace(_BOARD + _NEW, _BOARD))
    if steps.main_changes:
        session.evaluate(snippets.replace(_MAIN + _NEW, _MAIN))


def _wiring(found: Found, board: str | None) -> bytes | None:
    if board is not None:
        return board_file(board)
    if found.board is not None:
        return found.board
    for pattern, name in _MACHINES.items():
        if re.search(pattern, found.machine):
            return board_file(name)
    raise InputError("board", f"name the wiring with --board: nothing ready-made is known for {found.machine or 'this board'}")


def _parsed(wiring: bytes | None) -> Mapping[str, object]:
    """The wiring's own fields; none if somebody has spoilt the file, which is for the firmware to complain about."""
    try:
        fields = json.loads(wiring or b"")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _folders(files: Mapping[str, bytes]) -> list[str]:
    """The folders of these files and their parents, parents first."""
    parts = (path.split("/")[:-1] for path in files)
    return sorted({"/".join(part[: length + 1]) for part in parts for length in range(1, len(part))})


def _is_live(steps: Plan) -> bool:
    return steps.home.encode() in (steps.found.main or b"")


def _needed(steps: Plan) -> int:
    """Room on the board, where every file takes up whole blocks."""
    return sum(-(-len(data) // _BLOCK) * _BLOCK for data in steps.files.values())


def _kilobytes(count: int) -> str:
    return f"{max(1, round(count / 1024))} KB"


def _digest(program: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for path, data in sorted(program.items()):
        whole.update(f"{path} {len(data)}\n".encode() + data)
    return whole.hexdigest()[:12]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
