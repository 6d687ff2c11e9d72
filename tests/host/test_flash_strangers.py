"""Boards that hold what is not ours, or answer what they should not: nothing of anybody's is lost, and nothing crashes."""

import pytest
from tests.host.board_disk import Disk
from tests.host.board_double import BoardDouble, Habits
from tests.host.commanding import needs_pty
from tests.host.flashing import NEW, OLD, PICO, assert_kept, copy_of, flash, start, unflash

from dsc_host.errors import DscError, ProtocolError
from dsc_host.flash import BoardSession, FlashError, Found, board_session
from dsc_host.flash.firmware import beside_package
from dsc_host.link import open_port

pytestmark = [needs_pty, pytest.mark.usefixtures("hurried")]

THEIRS = {"/dsc/notes.txt": b"mine", "/dsc/mine/data.bin": b"mine too"}


@pytest.fixture
def shared(disk: Disk) -> Disk:
    """A disk on which OLD has been flashed, with somebody else's files in /dsc."""
    disk.files |= THEIRS
    disk.folders.add("/dsc/mine")
    return disk


def test_an_update_keeps_what_is_not_ours_in_our_folder(shared: Disk) -> None:
    with BoardDouble(shared) as board:
        flash(board, NEW)
    assert THEIRS.items() <= shared.files.items()
    assert start(shared) == "new"


def test_unflash_keeps_what_is_not_ours_in_our_folder(shared: Disk) -> None:
    with BoardDouble(shared) as board:
        unflash(board)
    assert set(shared.files) == {"/boot.py", "/lib/mine.py", *THEIRS}
    assert shared.folders == {"/", "/lib", "/dsc", "/dsc/mine"}


def test_unflash_of_a_board_that_was_never_flashed_leaves_its_board_json() -> None:
    with BoardDouble(Disk({"/board.json": b'{"theirs": 1}', "/main.py": b"pass\n"})) as board:
        assert unflash(board) == ()
    assert board.disk.files["/board.json"] == b'{"theirs": 1}'


def test_unflash_does_not_say_that_a_key_is_gone_that_is_still_there(disk: Disk) -> None:
    disk.keeps = "dsc0.bin"
    words = r"the board does not remove /dsc0\.bin; try again, or erase its flash"
    with BoardDouble(disk) as board, pytest.raises(FlashError, match=words):
        unflash(board)


@pytest.mark.parametrize(
    ("main", "is_another"),
    [
        (b"print('mine')\n", True),
        (b"import mine\nfrom dsc_firmware.boards import run\n\nmine.start()\nrun()\n", True),
        (beside_package("main.py") + b"import mine\n", True),
        (beside_package("main.py"), False),
        (beside_package("main.py").replace(b"\n", b"\r\n"), False),
        (b"", False),
        (None, False),
    ],
)
def test_a_program_that_only_uses_the_firmware_is_its_authors(main: bytes | None, is_another: bool) -> None:
    assert Found("1.27.0", "", 0, main, None, {}, ()).has_other_program == is_another


@pytest.mark.parametrize("name", ["main.py.new", "board.json.new", "part1.py"])
def test_nothing_takes_effect_before_it_has_been_read_back(disk: Disk, name: str) -> None:
    disk.spoils = name
    with BoardDouble(disk) as board, pytest.raises(FlashError, match=f"{name} does not read back"):
        flash(board, NEW, "pico2")
    assert start(disk) == "old"
    assert disk.files["/board.json"] == PICO


@pytest.mark.parametrize("path", ["/dsc", "/dsc/HOME", "/dsc/HOME/dsc_firmware"])
def test_a_file_in_the_place_of_a_folder_is_named(path: str) -> None:
    path = path.replace("HOME", home_of_new())
    disk = Disk({path: b"a file"}, {"/", "/lib", *("/".join(path.split("/")[:end]) for end in range(2, path.count("/") + 1))})
    with BoardDouble(disk) as board, pytest.raises(FlashError, match=f"{path} is a file, which is in the way; move it"):
        flash(board, NEW)
    assert disk.files == {path: b"a file"}


@pytest.mark.parametrize("path", ["/main.py", "/board.json", "/main.py.new"])
def test_a_folder_in_the_place_of_a_file_is_named(path: str) -> None:
    disk = Disk(folders={"/", "/lib", path})
    with BoardDouble(disk) as board, pytest.raises(FlashError, match=f"{path} is a folder, which is in the way; move it"):
        flash(board, NEW)
    assert not disk.files


def home_of_new() -> str:
    disk = Disk()
    with BoardDouble(disk) as board:
        return flash(board, NEW).home.rpartition("/")[2]


def test_a_board_with_no_room_to_rename_keeps_its_program_and_says_so(disk: Disk) -> None:
    before = copy_of(disk)
    disk.spare_to_rename = disk.blocks
    with BoardDouble(disk) as board, pytest.raises(FlashError, match="file system is full: the firmware needs"):
        flash(board, NEW)
    assert start(disk) == "old"
    assert disk.files == before.files


@pytest.mark.parametrize("version", [("1", "27", "0"), (1, 27), (), "1.27.0", (1, None, 0)])
def test_a_version_that_no_micropython_has_is_refused(disk: Disk, version: object) -> None:
    with BoardDouble(disk, Habits(version=version)) as board, pytest.raises(ProtocolError, match="no MicroPython answers"):
        flash(board, NEW)
    assert start(disk) == "old"


@pytest.mark.parametrize(
    ("version", "told"), [((1, 24, 0), "1.24.0"), ((1, 29, 1), "1.29.1"), ((1, 27, 0, "preview"), "1.27.0")]
)
def test_micropython_from_1_24_on_will_do(version: object, told: str) -> None:
    with BoardDouble(Disk(), Habits(version=version)) as board:
        assert flash(board, NEW).found.micropython == told


@pytest.mark.parametrize("code", ["print('\\x02{[]: 1}\\x03')", "print('\\x02' + '(' * 5000 + '\\x03')"])
def test_an_answer_that_is_no_value_is_an_error_of_ours(disk: Disk, code: str) -> None:
    with BoardDouble(disk) as board, BoardSession(open_port(board.url), board.url) as session, pytest.raises(DscError):
        session.evaluate(f"{code}\nresult = 1")


def test_what_a_board_says_does_not_steer_the_terminal(disk: Disk) -> None:
    with BoardDouble(disk, Habits(machine="Raspberry Pi Pico \x1b[2J")) as board:
        found = flash(board, OLD).found
        assert found.machine == "Raspberry Pi Pico ?[2J"
        with BoardSession(open_port(board.url), board.url) as session, pytest.raises(FlashError) as refused:
            session.evaluate("raise OSError('\\x1b]0;title\\x07')")
    assert str(refused.value).isprintable()


def test_ctrl_c_while_the_program_is_being_stopped_starts_it_again(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    write = board_session._Line.write
    written = []

    def stop(line: board_session._Line, data: bytes) -> int:
        written.append(data)
        if len(written) == 3:
            raise KeyboardInterrupt
        return write(line, data)

    monkeypatch.setattr(board_session._Line, "write", stop)
    with BoardDouble(disk) as board:
        with pytest.raises(KeyboardInterrupt), BoardSession(open_port(board.url), board.url):
            pass
        with BoardSession(open_port(board.url), board.url):
            assert board.starts == 2
            assert board.started == "old"
    assert_kept(disk)


def test_a_board_that_prints_into_the_last_command_is_restarted_all_the_same(disk: Disk) -> None:
    habits = Habits()
    with BoardDouble(disk, habits) as board:
        with BoardSession(open_port(board.url), board.url) as session:
            session.evaluate("result = 1")
            habits.garbles_once = True
        with BoardSession(open_port(board.url), board.url):
            assert board.starts == 2
