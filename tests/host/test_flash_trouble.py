"""Boards that cannot be flashed, or make it hard: the old program stays, and the words say what to do."""

import pytest
from tests.host.board_disk import Disk
from tests.host.board_double import BoardDouble, Habits
from tests.host.commanding import needs_pty
from tests.host.flashing import NEW, assert_kept, copy_of, flash, start

from dsc_host.errors import LinkTimeout, ProtocolError
from dsc_host.flash import BoardSession, BoardStuck, FlashError
from dsc_host.flash import board_session as sessions
from dsc_host.link import open_port

pytestmark = [needs_pty, pytest.mark.usefixtures("hurried")]


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        (Habits(version=(1, 23, 0)), r"MicroPython 1\.23\.0 is too old; put 1\.24 or newer"),
        (Habits(mpy=5), "loads .mpy files of version 5, the firmware's are version 6"),
        (Habits(mpy=0), "version none"),
    ],
)
def test_a_micropython_that_cannot_run_it_is_refused(disk: Disk, habits: Habits, words: str) -> None:
    before = copy_of(disk)
    with BoardDouble(disk, habits) as board, pytest.raises(FlashError, match=words) as refused:
        flash(board, NEW)
    assert board.url in str(refused.value)
    assert disk.files == before.files
    assert start(disk) == "old"


@pytest.mark.parametrize("spare", [0, 6])
def test_a_full_board_keeps_its_program_and_says_so(disk: Disk, spare: int) -> None:
    disk.blocks -= disk.free - spare
    before = copy_of(disk)
    with (
        BoardDouble(disk) as board,
        pytest.raises(FlashError, match=r"file system is full: the firmware needs \d+ KB, and \d+ KB"),
    ):
        flash(board, NEW)
    assert start(disk) == "old"
    assert disk.files == before.files


def test_a_board_that_prints_all_the_time_while_its_program_runs(disk: Disk) -> None:
    with BoardDouble(disk, Habits(prints_while_running=True)) as board:
        flash(board, NEW)
    assert start(disk) == "new"


def test_a_board_that_prints_into_the_conversation(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "OPERATION_SECONDS", 0.4)
    with BoardDouble(disk, Habits(garbles_every=5)) as board:
        flash(board, NEW)
    assert start(disk) == "new"
    assert_kept(disk)


def test_a_board_that_prints_into_everything_is_given_up(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "OPERATION_SECONDS", 0.2)
    before = copy_of(disk)
    with BoardDouble(disk, Habits(garbles_every=1)) as board, pytest.raises((ProtocolError, BoardStuck)):
        flash(board, NEW)
    assert disk.files == before.files


def test_a_board_without_raw_paste(disk: Disk) -> None:
    with BoardDouble(disk, Habits(raw_paste=False)) as board:
        flash(board, NEW)
    assert start(disk) == "new"


@pytest.mark.parametrize("prints", [False, True])
def test_a_board_that_does_not_heed_ctrl_c(
    disk: Disk, prints: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ENTER_SECONDS", 0.3)
    before = copy_of(disk)
    habits = Habits(heeds_ctrl_c=False, prints_while_running=prints)
    with BoardDouble(disk, habits) as board, pytest.raises(BoardStuck, match="hold C on its keypad while you plug it in"):
        flash(board, NEW)
    assert disk.files == before.files
    assert capsys.readouterr() == ("", "")


def test_a_session_has_an_end(disk: Disk) -> None:
    with BoardDouble(disk) as board, BoardSession(open_port(board.url), board.url) as session:
        session.allow(0)
        with pytest.raises(LinkTimeout, match="took too long"):
            session.evaluate("result = 1")


@pytest.mark.parametrize("code", ["1/0", "raise OSError('[Errno 5] EIO')", "print('\\x02')\nundefined"])
def test_what_the_board_complains_of_is_said_in_a_line(disk: Disk, code: str) -> None:
    with (
        BoardDouble(disk) as board,
        BoardSession(open_port(board.url), board.url) as session,
        pytest.raises(FlashError, match=r"^the board says: \w*Error") as refused,
    ):
        session.evaluate(code)
    assert "\n" not in str(refused.value)
