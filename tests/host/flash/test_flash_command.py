"""The commands `flash` and `unflash`: their questions, their output and their exit codes."""

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo
from tests.checkout import ROOT
from tests.host.command_runner import Command, needs_pty
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble
from tests.host.flash.flash_boards import KEPT, NEW, PICO, copy_of, start

from dsc_host.cli import flash as flash_command
from dsc_host.errors import LinkClosed
from dsc_host.link import PortMissing, open_port
from dsc_simulator import Flash

pytestmark = [needs_pty, pytest.mark.usefixtures("hurried")]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash_command, "firmware_files", lambda: NEW)
    monkeypatch.setattr(flash_command, "HELLO_SECONDS", 5.0)
    monkeypatch.setattr(flash_command, "_ONE_HELLO_SECONDS", 1.0)
    monkeypatch.setattr(flash_command, "BACK_SECONDS", 0.0)


@pytest.fixture
def board(disk: Disk) -> Iterator[BoardDouble]:
    with BoardDouble(disk) as board:
        yield board


def test_flash_says_hello_and_what_comes_next(dscplus: Command, board: BoardDouble) -> None:
    done = dscplus("flash", "--card", board.url)
    assert done.code == 0
    assert "The card says hello: simulator" in done.err
    assert f"Next: dscplus personalize SERIAL --card {board.url}" in done.err
    assert "files copied  4" in done.out
    assert board.started == "new"


def test_flash_prints_json_and_nothing_else_on_stdout(dscplus: Command, board: BoardDouble) -> None:
    report = json.loads(dscplus("flash", "--port", board.url, "--json").out)
    assert report["board"] == "pico"
    assert report["files_copied"] == 4
    assert report["files_kept"] == 2
    assert report["micropython"] == "1.27.0"
    again = dscplus("flash", "--port", board.url, "--json")
    assert json.loads(again.out)["files_copied"] == json.loads(again.out)["bytes"] == 0
    assert "up to date" in again.err


def test_auto_looks_at_what_is_attached_whatever_the_environment_names(
    dscplus: Command, board: BoardDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(monkeypatch, board.url)
    assert dscplus("flash", "--card", "auto", "--dry-run").code == 0
    monkeypatch.setenv("DSCPLUS_CARD", "/dev/nosuchport")
    assert dscplus("flash", "--card", "auto", "--dry-run").code == 0
    monkeypatch.setenv("DSCPLUS_CARD", "auto")
    assert dscplus("flash", "--dry-run").code == 0


@pytest.mark.parametrize("command", ["flash", "unflash"])
def test_no_board(dscplus: Command, command: str) -> None:
    done = dscplus(command)
    assert done.code == 3
    assert "no card is attached" in done.error
    assert "--card or DSCPLUS_CARD" in done.error
    assert "PORT=" in done.error


@pytest.mark.parametrize("command", ["flash", "unflash"])
def test_several_boards_are_listed(dscplus: Command, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, "/dev/ttyACM0", "/dev/ttyACM1")
    done = dscplus(command, "--port", "auto")
    assert done.code == 3
    assert "/dev/ttyACM0, /dev/ttyACM1" in done.error
    assert "PORT=" in done.error


def attach(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    ports = [ListPortInfo(url, skip_link_detection=True) for url in urls]
    for port in ports:
        port.vid = 0x2E8A
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)


def test_a_port_that_is_not_there(dscplus: Command) -> None:
    done = dscplus("flash", "--card", "/dev/nosuchport")
    assert done.code == 3
    assert "/dev/nosuchport: there is no such port" in done.error


@pytest.mark.parametrize("command", ["flash", "unflash"])
def test_a_board_that_restarts_after_an_earlier_command_is_waited_for(
    dscplus: Command, board: BoardDouble, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(flash_command, "BACK_SECONDS", 60.0)
    monkeypatch.setattr(flash_command, "_PAUSE_SECONDS", 0.0)
    away = iter([PortMissing("there is no such port"), PortMissing("there is no such port")])

    def open_again(url: str) -> serial.Serial:
        if error := next(away, None):
            raise error
        return open_port(url)

    monkeypatch.setattr(flash_command, "open_port", open_again)
    assert dscplus(command, "--card", board.url, "--dry-run").code == 0


def test_a_board_that_is_unplugged_in_the_middle(dscplus: Command, disk: Disk) -> None:
    disk.cut_at = 6
    with BoardDouble(disk) as board:
        done = dscplus("flash", "--card", board.url)
    assert done.code == 5
    assert f"{board.url}: the line to the board was lost" in done.error
    assert start(disk) == "old"


def test_a_dry_run_writes_nothing_and_restarts_the_card(dscplus: Command, board: BoardDouble, disk: Disk) -> None:
    before = copy_of(disk)
    done = dscplus("flash", "--card", board.url, "--dry-run", "--json")
    assert done.code == 0
    assert json.loads(done.out)["files_copied"] == 4
    assert json.loads(done.out)["dry_run"]
    assert (disk.files, disk.folders, disk.changes) == (before.files, before.folders, 0)
    assert dscplus("info", "--card", board.url).code == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 2)])
def test_another_program_on_the_board_is_replaced_only_by_consent(dscplus: Command, answer: str, code: int) -> None:
    disk = Disk({"/main.py": b"print('mine')\n"})
    with BoardDouble(disk) as board:
        done = dscplus("flash", "--card", board.url, stdin=answer)
    assert done.code == code
    assert "main.py. Replace it?" in done.err
    assert (disk.files["/main.py"] == b"print('mine')\n") == bool(code)


@pytest.mark.parametrize(("arguments", "code"), [((), 1), (("--yes",), 0)])
def test_wiring_is_replaced_only_by_consent(
    dscplus: Command, board: BoardDouble, disk: Disk, arguments: tuple[str, ...], code: int
) -> None:
    done = dscplus("flash", "--card", board.url, "--board", "esp32s3", *arguments, stdin="n\n")
    assert done.code == code
    assert (disk.files["/board.json"] == PICO) == bool(code)


def test_a_card_on_pins_of_its_own_is_not_waited_for(dscplus: Command, disk: Disk) -> None:
    disk.files["/board.json"] = b'{"board": "mine", "line": {"kind": "uart", "id": 0, "tx": 0, "rx": 1}}'
    with BoardDouble(disk) as board:
        done = dscplus("flash", "--card", board.url)
    assert done.code == 0
    assert "Its line is on the pins" in done.err


def test_a_card_that_does_not_come_back(dscplus: Command, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash_command, "HELLO_SECONDS", 0.3)
    monkeypatch.setattr(flash_command, "firmware_files", lambda: {**NEW, "main.py": b"import dsc_firmware\n"})
    with BoardDouble(disk) as board:
        done = dscplus("flash", "--card", board.url)
    assert done.code == 5
    assert "the card did not say hello" in done.error


def stopped(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flash a firmware that says `words` at its start and ends."""
    main = f"import sys\n\nprint({words!r})\n".encode()
    monkeypatch.setattr(flash_command, "firmware_files", lambda: {**NEW, "main.py": main})


def test_what_a_board_says_at_its_start_is_passed_on(
    dscplus: Command, board: BoardDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped("board.json: keypad.press: pin 40: this chip refuses", monkeypatch)
    monkeypatch.setattr(flash_command, "HELLO_SECONDS", 100.0)
    began = time.monotonic()
    done = dscplus("flash", "--card", board.url)
    assert done.code == 5
    assert "did not say hello. The board says at its start: board.json: keypad.press: pin 40: this chip refuses." in done.error
    assert time.monotonic() - began < 60


def test_a_line_that_is_lost_while_a_board_says_why_is_opened_again(
    dscplus: Command, board: BoardDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped("", monkeypatch)
    heard = iter([LinkClosed("the line was lost"), "no keypad"])

    def words(port: serial.Serial, name: str) -> str:
        if isinstance(told := next(heard), LinkClosed):
            raise told
        return told

    monkeypatch.setattr(flash_command, "startup_words", words)
    assert "The board says at its start: no keypad." in dscplus("flash", "--card", board.url).error


@pytest.mark.parametrize("command", ["info", "respond 482913"])
def test_a_stopped_card_is_known_by_its_prompt(dscplus: Command, command: str) -> None:
    with BoardDouble(Disk()) as board:
        for _ in range(2):
            done = dscplus(*command.split(), "--card", board.url)
            assert done.code == 3
            assert "a MicroPython prompt answered. The card's program is stopped, or not on the board" in done.error


def test_a_card_that_shows_error_is_not_called_blank(dscplus: Command, disk: Disk) -> None:
    with BoardDouble(disk, flash=Flash((b"\x5a" * 209, b"\xa5" * 209))) as board:
        done = dscplus("flash", "--card", board.url)
    assert done.code == 0
    assert "The card shows ERROR" in done.err
    assert "blank. Next" not in done.err


@pytest.mark.parametrize(
    ("wiring", "words"),
    [
        (PICO, ""),
        (PICO[:-1], "Expecting ',' delimiter: line 1"),
        (b"", "Expecting value"),
        (b"[" * 4000, "is not JSON"),
    ],
)
def test_wiring_that_is_not_json_is_named(dscplus: Command, disk: Disk, wiring: bytes, words: str) -> None:
    disk.files["/board.json"] = wiring
    with BoardDouble(disk) as board:
        done = dscplus("flash", "--card", board.url, "--dry-run")
    assert ("The board's board.json is not JSON" in done.err) == bool(words)
    assert words in done.err


@pytest.mark.parametrize(("arguments", "answer", "code"), [((), "y\n", 0), ((), "n\n", 1), (("--yes",), "", 0)])
def test_unflash_asks_first(
    dscplus: Command, board: BoardDouble, disk: Disk, arguments: tuple[str, ...], answer: str, code: int
) -> None:
    dry = dscplus("unflash", "--card", board.url, "--dry-run", "--json")
    assert json.loads(dry.out)["removed"] == ["/main.py", "/board.json", "/dsc", "/dsc0.bin", "/dsc1.bin"]
    assert "/dsc0.bin" in disk.files
    done = dscplus("unflash", "--card", board.url, *arguments, stdin=answer)
    assert done.code == code
    assert ("/dsc0.bin, /dsc1.bin" in done.err) == ("key of the card" in done.err) == (not arguments)
    assert ("/dsc0.bin" in disk.files) == bool(code)
    assert disk.files["/boot.py"] == KEPT["/boot.py"]


def test_unflash_of_a_board_without_it(dscplus: Command) -> None:
    with BoardDouble(Disk({"/boot.py": b""})) as board:
        done = dscplus("unflash", "--card", board.url)
    assert done.code == 0
    assert "no files of dscplus" in done.err


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ((), "dscplus flash"),
        (("PORT=auto",), "dscplus flash --card auto"),
        (("PORT=/dev/ttyACM0", "BOARD=pico", "DRY_RUN=1"), "dscplus flash --card /dev/ttyACM0 --board pico --dry-run"),
        (("DRY_RUN=0",), "dscplus flash"),
        (("PORT=auto", "DRY_RUN=yes"), "dscplus flash --card auto --dry-run"),
    ],
)
def test_make_passes_its_variables_on(variables: tuple[str, ...], words: str) -> None:
    # A make that runs these tests passes variables to its children, which a person at a prompt does not have.
    ours = {"PORT", "BOARD", "DRY_RUN", "ARGS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    command = ["make", "--dry-run", "--assume-old=.venv/.ready", "flash", *variables]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert " ".join(done.stdout.splitlines()[-1].split()).endswith(words)
