"""Installation of the firmware on a board that runs MicroPython, and its removal.

Three promises of an installation:

1. If the installation is interrupted at any moment, the board starts either the old program or the new program.
2. Files that are already on the board are not sent again.
3. The card's key and counter (`/dsc0.bin`, `/dsc1.bin`) stay unchanged. An existing `/board.json` stays, unless another wiring
   was requested.

Method: each version of the program has a folder, `/dsc/<digest>`. The `/main.py` of this version puts the folder first on
`sys.path`. The new folder is written beside the old folder and read back. Then the new `main.py` replaces the old `main.py` in
one atomic rename. Finally, the old folder is removed. Other files in `/dsc` stay.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from dsc_host.errors import InputError, ProtocolError
from dsc_host.flash import snippets
from dsc_host.flash.board_session import BoardFull, BoardSession, ByteProgress, printable
from dsc_host.flash.errors import FlashError
from dsc_host.flash.firmware import BOARD, LIBRARY, MAIN, PACKAGE, board_file

T = TypeVar("T")

OLDEST = (1, 24, 0)
"""The oldest MicroPython that the firmware runs on."""
MPY_VERSION = 6
"""The version of the format of the compiled files."""
HOME = "/dsc"
_MAIN, _BOARD = f"/{MAIN}", f"/{BOARD}"
_LIBRARY = f"/{LIBRARY}/{PACKAGE}"
_NEW = ".new"
_PROGRAM = re.compile("[0-9a-f]{12}")
_HEADER = 'import sys\n\nsys.path.insert(0, "{}")\n'
# A `main.py` that was flashed begins with the lines that the flasher adds. The `main.py` of an image does not have these lines.
_OUR_MAIN = re.compile(
    rb'import sys\n\nsys\.path\.insert\(0, "/dsc/[0-9a-f]{12}"\)\n'
    rb'|(?:"""[^"]*"""\s+)?from dsc_firmware\.boards import run\s+run\(\)\s*\Z'
)
_SCRATCH = (_MAIN + _NEW, _BOARD + _NEW)
_RECORDS = ("/dsc0.bin", "/dsc1.bin")
_SMALL = 4096
_MOST_WIRING = 16 * 1024
_BLOCK = 4096
_MACHINES = {r"Raspberry Pi Pico ?2": "pico2", r"Raspberry Pi Pico\b": "pico", r"ESP32-?S3": "esp32s3"}


@dataclass(frozen=True, slots=True)
class BoardContents:
    """The contents of a board."""

    micropython: str
    machine: str
    free: int
    """The free space in bytes."""
    main: bytes | None
    """The first 4096 bytes of `main.py`, or None if it does not exist."""
    board: bytes | None
    """The first 16 KiB of `board.json`, or None if it does not exist."""
    digests: Mapping[str, str]
    """The SHA-256 of each file in the folders `programs`, in hex, by the file's path."""
    programs: tuple[str, ...]
    """The folders with a version of this firmware, complete or not."""

    @property
    def has_other_program(self) -> bool:
        """Return whether the board starts a program that is not this firmware."""
        return bool(self.main) and not _is_ours(self.main)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of an installation."""

    found: BoardContents
    home: str
    """The folder of the new program."""
    files: Mapping[str, bytes]
    """The files of the new program, by their path on the board."""
    copied: tuple[str, ...]
    """The paths of the files to send. Other files are copied on the board: they are in `kept`."""
    kept: tuple[str, ...]
    """The paths of the files that need not be sent: a file with the same content is on the board, perhaps in another folder."""
    leftovers: tuple[str, ...]
    """The folders of other versions, which are removed at the end."""
    main: bytes
    """The new `main.py`."""
    board: bytes | None
    """The new `board.json`, or None if the file on the board stays."""
    wiring: Mapping[str, object]
    """The fields of the `board.json` that the board has after the installation.

    Empty if that file is invalid, or has 16 KiB or more.
    """

    @property
    def size(self) -> int:
        """The number of bytes to send."""
        files = sum(len(self.files[path]) for path in self.copied)
        return files + (len(self.main) if self.main_changes else 0) + len(self.board or b"")

    @property
    def main_changes(self) -> bool:
        """Return whether the installation replaces `main.py`."""
        return self.found.main != self.main

    @property
    def board_name(self) -> str:
        """The name of the board in its wiring, or empty text if the wiring names none."""
        return str(self.wiring.get("board", ""))

    @property
    def line(self) -> str:
        """The card's serial line: `usb` (the port for flashing) or `uart`."""
        line = self.wiring.get("line")
        return str(line.get("kind", "usb")) if isinstance(line, dict) else "usb"

    @property
    def wiring_fault(self) -> str:
        """The error in the JSON of the board's wiring. Empty text if the JSON is valid, or if the wiring is replaced."""
        wiring = self.found.board if self.board is None else None
        # Of a longer file, only the beginning was read, so its JSON cannot be checked.
        if wiring is None or len(wiring) >= _MOST_WIRING:
            return ""
        try:
            json.loads(wiring)
        except (ValueError, RecursionError) as error:
            return str(error)
        return ""

    @property
    def replaces_board(self) -> bool:
        """Return whether the installation overwrites wiring that is on the board."""
        return self.board is not None and self.found.board is not None

    @property
    def changes(self) -> bool:
        """Return whether the installation changes anything."""
        return bool(self.copied or self.leftovers or self.main_changes or self.board is not None or self._is_elsewhere)

    @property
    def _is_elsewhere(self) -> bool:
        return any(path not in self.found.digests for path in self.files)


def examine(session: BoardSession) -> BoardContents:
    """Return the contents of the board. Raise FlashError if the firmware cannot run on it, and the errors of `evaluate`."""
    name, version, machine, mpy, free = _identity(session)
    micropython = ".".join(map(str, version))
    if name != "micropython":
        raise FlashError(
            f"{session.name}: the board runs {name}; put MicroPython on the board first: https://micropython.org/download"
        )
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST[:2]))
        raise FlashError(
            f"{session.name}: MicroPython {micropython} is too old; put {oldest} or newer on the board: "
            "https://micropython.org/download"
        )
    if mpy != MPY_VERSION:
        raise FlashError(
            f"{session.name}: this MicroPython loads .mpy files of version {mpy or 'none'}, but the firmware has version "
            f"{MPY_VERSION}; put a release of https://micropython.org/download on the board"
        )
    programs = _programs(session)
    return BoardContents(
        micropython=micropython,
        machine=machine,
        free=free,
        main=_read_start(session, _MAIN),
        board=_read_start(session, _BOARD, _MOST_WIRING),
        digests=_evaluate(session, snippets.digests(list(programs)), dict),
        programs=programs,
    )


def _identity(session: BoardSession) -> tuple[str, tuple[int, ...], str, int, int]:
    match _evaluate(session, snippets.IDENTITY, tuple):
        case (str(name), (int(), int(), int()) as version, str(machine), int(mpy), int(free)):
            return printable(name), version, printable(machine), mpy, free
    raise _invalid_answer(session)


def _evaluate(session: BoardSession, code: str, kind: type[T]) -> T:
    """Return the board's answer. Raise ProtocolError if it has another type, or is a list or dict with anything but texts."""
    answer = session.evaluate(code)
    if not isinstance(answer, kind) or not _holds_texts(answer):
        raise _invalid_answer(session)
    return answer


def _holds_texts(answer: object) -> bool:
    parts = [*answer, *answer.values()] if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    return all(isinstance(part, str) for part in parts)


def _read_start(session: BoardSession, path: str, most: int = _SMALL) -> bytes | None:
    """Return the first `most` bytes of a file, or None if the file cannot be read."""
    answer = session.evaluate(snippets.contents(path, most))
    if answer is None or isinstance(answer, bytes):
        return answer
    raise _invalid_answer(session)


def _invalid_answer(session: BoardSession) -> ProtocolError:
    return ProtocolError(f"{session.name}: the board's answer is not MicroPython's; put a release of MicroPython on it")


def _is_ours(main: bytes | None) -> bool:
    """Return whether this is the main.py of the flasher or of an image."""
    # An import of the firmware is no proof, because a user's program may import the firmware too.
    return main is not None and _OUR_MAIN.match(main) is not None


def _programs(session: BoardSession) -> tuple[str, ...]:
    names = _evaluate(session, snippets.listing(HOME), list)
    homes = [f"{HOME}/{name}" for name in names if _PROGRAM.fullmatch(name)]
    images = [_LIBRARY] if PACKAGE in _evaluate(session, snippets.listing(f"/{LIBRARY}"), list) else []
    return (*homes, *images)


def plan(found: BoardContents, program: Mapping[str, bytes], board: str | None = None) -> Plan:
    """Plan the steps for installing `program`, which `firmware_files` has returned.

    `found` has the contents of the board. `board` is the name of a ready-made wiring. Without `board`, the wiring on the board
    stays. If there is none, the machine's name determines the wiring. Raises InputError if there is no ready-made wiring of
    this name, or for this machine.
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
        main=_HEADER.format(home).encode() + program[MAIN],
        board=None if wiring == found.board else wiring,
        wiring=_parse_wiring(wiring),
    )


def install(session: BoardSession, steps: Plan, progress: ByteProgress = lambda count: None) -> None:
    """Carry out the plan `steps`. `progress` is called with the numbers of bytes that were written.

    Raises FlashError, LinkClosed, LinkTimeout and ProtocolError. After an error, the board starts either its old program or the
    new program.
    """
    try:
        _fill(session, steps, progress)
        # This may raise BoardFull too, because a rename needs free space.
        _switch(session, steps)
    except BoardFull as error:
        session.evaluate(snippets.remove([*_SCRATCH, *([] if _is_live(steps) else [steps.home])]))
        raise FlashError(
            f"{session.name}: the board's file system is full: the firmware needs {_kilobytes(_room_needed(steps))}, and "
            f"{_kilobytes(steps.found.free)} are free. Remove some of your files, with: mpremote fs ls, mpremote fs rm"
        ) from error
    # From now on, the board starts the new program.
    session.evaluate(snippets.remove(list(steps.leftovers)))


def removable(session: BoardSession) -> tuple[str, ...]:
    """Return the existing paths that `remove` should remove: the program, its wiring, and the card's key and counter."""
    names = _evaluate(session, snippets.listing(HOME), list)
    programs = list(_programs(session))
    # Do not remove the folder if it has other files, nor a file of its name.
    is_file = _evaluate(session, snippets.misplaced([HOME], []), list)
    homes = [HOME] if not is_file and all(_PROGRAM.fullmatch(name) for name in names) else []
    # Remove main.py first, so that the board starts no program after an interrupted removal. Remove board.json before our
    # program: after an interruption, the program's files are the only proof that board.json is ours.
    own_main = [_MAIN] if _is_ours(_read_start(session, _MAIN)) else []
    elsewhere = [path for path in programs if not (homes and path.startswith(f"{HOME}/"))]
    wanted = [*own_main, _BOARD, *homes, *elsewhere, *_SCRATCH, *_RECORDS]
    there = set(_evaluate(session, snippets.existing(wanted), list))
    paths = tuple(path for path in wanted if path in there)
    return () if paths == (_BOARD,) else paths


def remove(session: BoardSession, paths: tuple[str, ...]) -> None:
    """Remove the paths that `removable` returned. Raise FlashError if any of them stays on the board."""
    session.evaluate(snippets.remove(list(paths)))
    if kept := _evaluate(session, snippets.existing(list(paths)), list):
        names = ", ".join(path for path in paths if path in kept)
        raise FlashError(f"{session.name}: the board did not remove {names}; try again, or erase its flash")


def _fill(session: BoardSession, steps: Plan, progress: ByteProgress) -> None:
    """Write all files of the new program, and check them. Do not change the files of the old program."""
    present = steps.found.digests
    wanted = {path: _sha256(data) for path, data in steps.files.items()}
    _check_kinds(session, steps)
    session.evaluate(snippets.make_folders(_folders(steps.files)))
    paths_by_digest = {digest: path for path, digest in present.items()}
    for path, data in steps.files.items():
        if present.get(path) == wanted[path]:
            continue
        if path in steps.copied:
            session.write(path, data, progress)
        else:
            session.evaluate(snippets.copy(paths_by_digest[wanted[path]], path))
    if steps.board is not None:
        session.write(_BOARD + _NEW, steps.board, progress)
    if steps.main_changes:
        session.write(_MAIN + _NEW, steps.main, progress)
        wanted[_MAIN + _NEW] = _sha256(steps.main)
    if steps.board is not None:
        wanted[_BOARD + _NEW] = _sha256(steps.board)
    _check(session, [steps.home, *_SCRATCH], wanted)


def _check_kinds(session: BoardSession, steps: Plan) -> None:
    """Raise FlashError if the board has a file where a folder is needed, or a folder where a file is needed."""
    files = [*steps.files, _MAIN, _BOARD, *_SCRATCH]
    for path in _evaluate(session, snippets.misplaced(_folders(steps.files), files), list):
        kind = "folder" if path in files else "file"
        raise FlashError(
            f"{session.name}: on the board, {printable(path)} is a {kind}, which is in the way; move it or remove it, "
            "with: mpremote fs cp, mpremote fs rm"
        )


def _check(session: BoardSession, places: list[str], wanted: Mapping[str, str]) -> None:
    """Raise FlashError unless every file has the digest in `wanted`. `places` are the folders and files to read."""
    there = _evaluate(session, snippets.digests(places), dict)
    for path, digest in wanted.items():
        if there.get(path) != digest:
            raise FlashError(f"{path} does not read back as it was written; try again. If this repeats, the flash is worn")


def _switch(session: BoardSession, steps: Plan) -> None:
    if steps.board is not None:
        session.evaluate(snippets.replace(_BOARD + _NEW, _BOARD))
    if steps.main_changes:
        session.evaluate(snippets.replace(_MAIN + _NEW, _MAIN))


def _wiring(found: BoardContents, board: str | None) -> bytes | None:
    if board is not None:
        return board_file(board)
    if found.board is not None:
        return found.board
    for pattern, name in _MACHINES.items():
        if re.search(pattern, found.machine):
            return board_file(name)
    raise InputError("board", f"no ready-made wiring is known for {found.machine or 'this board'}: name one with --board")


def _parse_wiring(wiring: bytes | None) -> Mapping[str, object]:
    """Return the fields of the wiring. If the file is invalid, return no fields, because the firmware reports the fault."""
    try:
        fields = json.loads(wiring or b"")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _folders(files: Mapping[str, bytes]) -> list[str]:
    """Return the folders of these files and their parents, parents first."""
    parts = (path.split("/")[:-1] for path in files)
    return sorted({"/".join(part[: length + 1]) for part in parts for length in range(1, len(part))})


def _is_live(steps: Plan) -> bool:
    return steps.home.encode() in (steps.found.main or b"")


def _room_needed(steps: Plan) -> int:
    """Return the space that the files need on the board, in bytes. Every file takes up whole blocks."""
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
