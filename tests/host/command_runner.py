"""Runs the `dscplus` command in this process, away from the user's own files, and keeps everything that it prints."""

import io
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TextIO

import pytest

from dsc_host import CardClient, MasterKey, Verifier
from dsc_host.cli.main import run
from dsc_simulator import SimulatedCard

KEY = bytes(range(0xA0, 0xC0))
PIN = "8246"
MASTER = MasterKey(bytes(range(32)))
_MASTER_HEX = bytes(range(32)).hex()
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
SECRETS = f"{KEY.hex()}\n{PIN}\n"
"""The input that `enroll` asks for."""
TYPED = f"{PIN}\n"
"""The PIN that a card's owner types."""
needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo terminals")


@dataclass
class Done:
    """The exit code and output of one run."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[str]:
        """Return the rows of a table without its heading, with two spaces between the cells."""
        return [re.sub(" {2,}", "  ", line) for line in self.out.splitlines()[1:]]

    @property
    def error(self) -> str:
        """Return the one line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.err
        assert self.err.splitlines()[-1] == lines[0], "nothing comes after the error"
        return lines[0].removeprefix("Error: ")


@dataclass
class Command:
    """Runs the command: `command("info", "--card", url)` is `dscplus info --card url`, with the lines of `stdin`."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("CARD", "DB", "MASTER_KEY", "MASTER_KEY_FILE", "POLICY"):
            self.monkeypatch.delenv(f"DSCPLUS_{name}", raising=False)
        self.monkeypatch.setenv("HOME", str(self.folder))
        for name in ("DATA", "CONFIG"):
            self.monkeypatch.setenv(f"XDG_{name}_HOME", str(self.folder / name.lower()))
        self.monkeypatch.setenv("COLUMNS", "80")
        # Ignore any board that is attached to this machine.
        self.monkeypatch.setattr("serial.tools.list_ports.comports", list)

    def __call__(self, *arguments: str, stdin: str | bytes | TextIO | None = b"") -> Done:
        typed = stdin.encode() if isinstance(stdin, str) else stdin
        with self.monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8") if isinstance(typed, bytes) else typed)
            code = run(arguments)
        captured = self.capsys.readouterr()
        self.printed += [captured.out, captured.err]
        assert "Traceback" not in captured.out + captured.err
        return Done(code, captured.out, captured.err)

    def refused(self, *arguments: str, code: int = 2, stdin: str | bytes | TextIO | None = b"") -> str:
        """Run a command that must fail without any result. Return the one line that says what went wrong."""
        done = self(*arguments, stdin=stdin)
        assert (done.code, done.out) == (code, ""), done
        return done.error

    def with_records(self) -> Path:
        """Name a database and a master key outside the user's own folders. Return the database's path."""
        path = self.folder / "records.db"
        self.monkeypatch.setenv("DSCPLUS_DB", f"sqlite:///{path}")
        self.monkeypatch.setenv("DSCPLUS_MASTER_KEY", _MASTER_HEX)
        return path

    def with_cards(self, *serials: str) -> Path:
        """Name a database as `with_records` does, with these cards already enrolled."""
        path = self.with_records()
        path.write_bytes(_records_of(serials))
        path.chmod(0o600)
        return path

    def verifier(self) -> Verifier:
        return Verifier.open(f"sqlite:///{self.folder / 'records.db'}", master_key=MASTER)

    def enrolled(self) -> list[str]:
        with self.verifier() as verifier:
            return [card.serial for card in verifier.cards()]

    def assert_no_secret_was_printed(self) -> None:
        for text in self.printed:
            # The hashes of the log are not secret.
            text = re.sub(r'"hash": "[0-9a-f]{64}"|\b\d+:[0-9a-f]{64}\b', "", text)
            assert not re.search(r"[0-9A-Fa-f]{30,}", text), f"a key: {text}"
            # After a decimal point, the digits are a fraction of a second.
            assert not re.search(rf"(?<![0-9A-Za-z])(?<![0-9]\.){PIN}(?![0-9A-Za-z])", text), f"a PIN: {text}"


@cache
def _records_of(serials: tuple[str, ...]) -> bytes:
    """Return the database file of records with these cards. It is made once in a process."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "records.db")
        with Verifier.open(f"sqlite:///{path}", master_key=MASTER) as verifier:
            for serial in serials:
                verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
        # Closing has moved the write-ahead log into the file.
        return path.read_bytes()


def stop(*_: object, **__: object) -> None:
    """Stand in for a call in which the user presses Ctrl-C."""
    raise KeyboardInterrupt


def hurry(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.2) -> None:
    """Shorten the time for which the client waits for a card that does not answer."""
    monkeypatch.setitem(CardClient.open.__func__.__kwdefaults__, "timeout", seconds)  # type: ignore[attr-defined]


class Owner:
    """The owner of a card, who presses keys when a certain line comes in or goes out.

    Each step of `plan` has the line to wait for, `in ` or `out ` and a part of it, and the keys to press.
    """

    _GIVE_UP_SECONDS = 10

    def __init__(self, card: SimulatedCard, *plan: tuple[str, tuple[str, ...]]) -> None:
        self._card = card
        self._plan = plan
        self._seen: Queue[str] = Queue()
        self._thread = Thread(target=self._act)
        self._trouble: Exception | None = None
        card.watch(self._watch)

    def _watch(self, direction: str, data: bytes) -> None:
        for line in data.decode().splitlines():
            self._seen.put(f"{direction} {line}")

    def _act(self) -> None:
        try:
            for awaited, keys in self._plan:
                while not re.search(awaited, self._seen.get(timeout=self._GIVE_UP_SECONDS)):
                    pass
                self._card.press(*keys)
        except Exception as error:
            self._trouble = error

    def __enter__(self) -> "Owner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._trouble:
            raise self._trouble


def serial(card: SimulatedCard) -> str:
    with CardClient.open(card.url) as client:
        return client.info().serial


def is_blank(card: SimulatedCard) -> bool:
    return serial(card) == "" and card.press("PRESS") == "NO KEY" and card.press("PRESS") == ""


def challenge(dscplus: Command, name: str = "IB1") -> tuple[str, str]:
    issued = json.loads(dscplus("challenge", name, "--json").out)
    return issued["id"], issued["challenge"]
