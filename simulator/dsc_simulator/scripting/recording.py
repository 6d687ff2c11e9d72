"""Pictures of a card's display: a single picture, or a whole recording as an asciicast or as a strip of pictures.

A recording uses the card's clock, so the same key presses give the same bytes. A recording contains all pressed keys, and so
the PIN.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from dsc_simulator.board import Display, Keypad
from dsc_simulator.card import SimulatedCard
from dsc_simulator.drawings import card as drawing
from dsc_simulator.errors import SimulatorError

MAX_EVENTS = 100_000
"""The largest number of events in a recording: changes of the display, pressed keys and restarts together."""
CAST_WIDTH, CAST_HEIGHT = 40, 5
"""The size of an asciicast's terminal, in characters and lines."""
RESTART = "restart"
"""The name of a restart in a list of keys."""
_LAST_SECONDS = 1.0
_GAP = 130
_CAPTION = 16
_SCALE = 0.4
_WIDTH, _HEIGHT = drawing.CARD_WIDTH * _SCALE, drawing.CARD_HEIGHT * _SCALE
"""The size of a card in a row of cards, in pixels."""


class RecordingError(SimulatorError):
    """A recording or a picture could not be written to a file. The message begins with the file's name."""


@dataclass(frozen=True)
class Moment:
    """A change of the display, `ms` milliseconds of the card's time after the beginning of the recording.

    `keys` are the keys pressed since the previous moment, in order. `keys_so_far` is the number of all keys pressed since the
    beginning of the recording, including `keys`.
    """

    ms: int
    shown: str
    keys: tuple[str, ...] = ()
    keys_so_far: int = 0


@dataclass(frozen=True)
class Recording:
    """The changes of a card's display, the first at 0 ms, and the whole time in `ms`.

    `complete` is False if there were more than `MAX_EVENTS` events. `pending` are the keys after the last change of the
    display.
    """

    moments: tuple[Moment, ...]
    ms: int
    complete: bool = True
    pending: tuple[str, ...] = ()


class _RecordingDisplay(Display):
    """A display that passes all texts to another display and informs a recorder."""

    def __init__(self, recorder: "Recorder", behind: Display) -> None:
        super().__init__()
        self._recorder = recorder
        self.behind = behind
        self.cells = behind.cells

    def show(self, cells: bytes | bytearray | memoryview) -> None:
        super().show(cells)
        self.behind.show(cells)
        self._recorder.look()


class _RecordingKeypad(Keypad):
    """A keypad that passes all calls to another keypad and informs a recorder of each key."""

    def __init__(self, recorder: "Recorder", behind: Keypad) -> None:
        super().__init__()
        self._recorder = recorder
        self.behind = behind

    def push(self, name: str) -> None:
        self.behind.push(name)
        self._recorder.press(name)

    def get(self) -> int | None:
        return self.behind.get()

    def __len__(self) -> int:
        return len(self.behind)


class Recorder:
    """A recorder of a card. It begins at once, and ends at `stop` or at the end of the `with` block. Restarts are recorded.

    During the recording, the recorder replaces the board's display and keypad. Several recorders may record the same card.
    """

    def __init__(self, card: SimulatedCard) -> None:
        self._card = card
        self._began = card.board.clock.now_ms
        self._moments: list[Moment] = []
        self._keys: list[str] = []
        self._count = 0
        self._complete = True
        self._ended: int | None = None
        self._attach()
        # A restart gives the card a new board. Its first data on the serial line tell the recorder to attach to it.
        self._end_watch = card.watch(self._heard)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop recording. Stopping twice does nothing."""
        if self._ended is None:
            self._ended = self._now()
            self._end_watch()
            self._detach()

    def recording(self) -> Recording:
        """Return what was recorded so far."""
        end = self._now() if self._ended is None else self._ended
        return Recording(tuple(self._moments), end, self._complete, tuple(self._keys))

    def look(self) -> None:
        """Record what the display shows now, if it has changed."""
        shown = _readable(self._card.board.display.cells)
        if self._ended is not None or (self._moments and self._moments[-1].shown == shown):
            return
        if self._has_room():
            self._moments.append(Moment(self._now(), shown, tuple(self._keys), self._count))
            self._keys.clear()

    def press(self, name: str) -> None:
        """Record that a key was pressed."""
        if self._ended is None and self._has_room():
            self._keys.append(name)
            self._count += 1

    def _has_room(self) -> bool:
        # Raise nothing here: this code runs within the firmware, so an error would look like a crash of the firmware.
        self._complete = self._complete and len(self._moments) + self._count < MAX_EVENTS
        return self._complete

    def _now(self) -> int:
        return self._card.board.clock.now_ms - self._began

    def _heard(self, direction: str, data: bytes) -> None:
        if self._ended is None and self._card.board is not self._board:
            self.press(RESTART)
            self._attach()

    def _attach(self) -> None:
        board = self._board = self._card.board
        self._display = board.display = _RecordingDisplay(self, board.display)
        self._keypad = board.keypad = _RecordingKeypad(self, board.keypad)
        self.look()

    def _detach(self) -> None:
        # If another recorder was attached later, it still calls this recorder, which no longer records anything.
        if self._board.display is self._display:
            self._board.display = self._display.behind
        if self._board.keypad is self._keypad:
            self._board.keypad = self._keypad.behind


def _readable(cells: bytes) -> str:
    """Return the display's text without the spaces on its right, with `?` for characters that some file formats forbid."""
    return "".join(chr(c) if 0x20 <= c <= 0x7E else "?" for c in cells).rstrip()


def screenshot(card: SimulatedCard) -> str:
    """Return a picture of the card as it looks now, as an SVG document."""
    return drawing.svg(card.display)


def _spell(keys: Iterable[str]) -> str:
    """Return the keys as text for a person, for example `press` or `1234 OK`."""
    names = ["press" if key == "PRESS" else key for key in keys]
    return re.sub(r"(?<=\b\d) (?=\d\b)", "", " ".join(names))


def asciicast(recording: Recording, *, key_seconds: float = 0.3, title: str = "Digital Security Card+") -> str:
    """Return the recording as an asciicast, version 2: a line of JSON about the terminal, then a line for each display.

    A simulated card handles keys without delay, so each key is shown for `key_seconds`. Players shorten pauses to 2 s.
    """
    head = {"version": 2, "width": CAST_WIDTH, "height": CAST_HEIGHT, "idle_time_limit": 2.0, "title": title}
    lines = [json.dumps(head)]
    at = 0.0
    for moment in recording.moments:
        at = round(moment.ms / 1000 + moment.keys_so_far * key_seconds, 3)
        lines.append(json.dumps([at, "o", _frame(moment)], ensure_ascii=False))
    keys = sum(len(moment.keys) for moment in recording.moments) + len(recording.pending)
    end = max(recording.ms / 1000 + keys * key_seconds, at + _LAST_SECONDS)
    lines.append(json.dumps([round(end, 3), "o", ""]))
    return "\n".join(lines) + "\n"


def _frame(moment: Moment) -> str:
    """Return the text that clears the terminal, draws the display, and names the keys pressed since the frame before."""
    caption = _cut(_spell(moment.keys), CAST_WIDTH - 2)
    return "\x1b[2J\x1b[H" + "\r\n".join([*drawing.text(moment.shown).splitlines(), f"  {caption}".rstrip()])


def strip(recording: Recording, *, typing: bool = True) -> str:
    """Return the recording as one SVG document: a row of cards, one for each display, with the keys between them.

    Without `typing`, leave out each display that a digit key has caused. The description for screen readers names all keys.
    """
    moments, later = (recording.moments, ()) if typing else _without_typing(recording.moments)
    later += recording.pending
    parts = [drawing.svg(moment.shown).strip() for moment in moments]
    step = _WIDTH + _GAP
    whole, height = f"{len(parts) * step - _GAP:.1f}", f"{_HEIGHT:.2f}"
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" width="{whole}" height="{height}"',
            ' role="img" aria-label="Digital Security Card+, a session">',
            f"<title>Digital Security Card+, a session</title><desc>{escape(_story(moments, later))}</desc>",
            *(f'<g transform="translate({i * step:.1f} 0) scale({_SCALE})">{part}</g>' for i, part in enumerate(parts)),
            *(_caption(moments[i], moments[i - 1], i * step - _GAP / 2) for i in range(1, len(parts))),
            "</svg>\n",
        ]
    )


def _without_typing(moments: Sequence[Moment]) -> tuple[Sequence[Moment], tuple[str, ...]]:
    """Leave out the moments whose last key was a digit. Add the keys of such a moment to the next moment.

    Return the moments, and the keys after the last of them.
    """
    kept: list[Moment] = []
    keys: tuple[str, ...] = ()
    for moment in moments:
        keys += moment.keys
        if not moment.keys or not moment.keys[-1].isdecimal():
            kept.append(Moment(moment.ms, moment.shown, keys, moment.keys_so_far))
            keys = ()
    return kept, keys


def _cause(moment: Moment, before: Moment) -> str:
    """Return the cause of a change of the display: the keys, or the time."""
    waited = moment.ms - before.ms
    return _spell(moment.keys) or (f"{waited / 1000:g} s" if waited else "")


def _caption(moment: Moment, before: Moment, x: float) -> str:
    text = escape(_cut(_cause(moment, before), _CAPTION))
    style = "font:600 13px sans-serif;text-anchor:middle"
    # This gray is readable on white and on black.
    words = f'<text x="{x:g}" y="{_HEIGHT / 2 - 8:g}" fill="#7a8699" style="{style}">{text}</text>'
    y = f"{_HEIGHT / 2 + 6:g}"
    return f'{words}<path d="M{x - 40:g} {y}h76m-7 -5l7 5l-7 5" fill="none" stroke="#7a8699" stroke-width="2"/>'


def _story(moments: Sequence[Moment], later: Sequence[str]) -> str:
    """Describe the displays in words, with the keys between them and the keys `later`, after the last display."""
    told = [f"display: {moments[0].shown or 'off'}"]
    for before, moment in pairwise(moments):
        told.append(f"{_cause(moment, before) or 'then'}: {moment.shown or 'off'}")
    return "; ".join([*told, *([_spell(later)] if later else [])])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def refusal(path: Path, *, overwrite: bool) -> str:
    """Return why `write_file` refuses to write to `path`, for example `already exists`. Return empty text if it does not."""
    if not os.path.lexists(path):
        return ""
    if not overwrite:
        return "already exists"
    # Replacing a link would not change its target.
    return "" if path.is_file() and not path.is_symlink() else "is not a regular file"


def write_file(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write `text` to a file, completely or not at all.

    An existing file is replaced only with `overwrite`, and only if it is a regular file, not a link. The new file gets the
    permissions of the file that it replaces. Raise RecordingError.
    """
    try:
        _write(path, text, overwrite)
    except FileExistsError as error:
        raise RecordingError(f"{path}: {'is not a regular file' if overwrite else 'already exists'}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not a valid file name"
        raise RecordingError(f"{path}: {reason}") from error


def _write(path: Path, text: str, overwrite: bool) -> None:
    if refusal(path, overwrite=overwrite):
        raise FileExistsError
    scratch = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with scratch.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            if path.exists():
                shutil.copymode(path, scratch)
            os.replace(scratch, path)
        else:
            _publish(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def _publish(scratch: Path, path: Path) -> None:
    """Rename the scratch file to `path`, unless `path` exists by now."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links. Then check the name, and rename the file immediately after the check.
        if os.path.lexists(path):
            raise FileExistsError from None
        os.replace(scratch, path)
