"""Boards that cannot be flashed, hold foreign files or answer wrongly: no data is lost."""

import pytest
from tests.host.command_runner import needs_pty
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble, Habits
from tests.host.flash.flash_boards import NEW, OLD, PICO, assert_kept, copy_of, flash, start, unflash

from dsc_host.errors import DscError, LinkTimeout, ProtocolError
from dsc_host.flash import BoardContents, BoardSession, BoardStuck, FlashError, board_line, snippets
from dsc_host.flash import board_session as sessions
from dsc_host.flash.firmware import beside_package
from dsc_host.link import open_port

pytestmark = [needs_pty, pytest.mark.usefixtures("hurried")]


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        (Habits(version=(1, 23, 0)), r"MicroPython 1\.23\.0 is too old; put 1\.24 or newer"),
        (Habits(mpy=5), "loads .mpy files of version 5, but the firmware has version 6"),
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


THEIRS = {"/dsc/notes.txt": b"mine", "/dsc/mine/data.bin": b"mine too"}


@pytest.fixture
def shared(disk: Disk) -> Disk:
    """A disk on which OLD has been flashed, with another person's files in /dsc."""
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


def test_unflash_leaves_a_file_that_has_the_name_of_our_folder() -> None:
    theirs = {"/dsc": b"mine", "/board.json": b'{"theirs": 1}'}
    with BoardDouble(Disk(dict(theirs))) as board:
        assert unflash(board) == ()
    assert board.disk.files == theirs


def test_the_line_of_long_wiring_is_known() -> None:
    wiring = b'{"board": "mine", "note": "' + b"x" * 5000 + b'", "line": {"kind": "uart"}}'
    with BoardDouble(Disk({"/board.json": wiring})) as board:
        steps = flash(board, NEW)
    assert (steps.line, steps.board_name, steps.wiring_fault) == ("uart", "mine", "")
    assert board.disk.files["/board.json"] == wiring


def test_unflash_of_a_board_that_was_never_flashed_leaves_its_board_json() -> None:
    with BoardDouble(Disk({"/board.json": b'{"theirs": 1}', "/main.py": b"pass\n"})) as board:
        assert unflash(board) == ()
    assert board.disk.files["/board.json"] == b'{"theirs": 1}'


def test_unflash_does_not_say_that_a_key_is_gone_that_is_still_there(disk: Disk) -> None:
    disk.keeps = "dsc0.bin"
    words = r"the board did not remove /dsc0\.bin; try again, or erase its flash"
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
    assert BoardContents("1.27.0", "", 0, main, None, {}, ()).has_other_program == is_another


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
    with BoardDouble(disk, Habits(version=version)) as board, pytest.raises(ProtocolError, match="not MicroPython's"):
        flash(board, NEW)
    assert start(disk) == "old"


@pytest.mark.parametrize(
    ("version", "told"), [((1, 24, 0), "1.24.0"), ((1, 29, 1), "1.29.1"), ((1, 27, 0, "preview"), "1.27.0")]
)
def test_micropython_from_1_24_on_will_do(version: object, told: str) -> None:
    with BoardDouble(Disk(), Habits(version=version)) as board:
        assert flash(board, NEW).found.micropython == told


@pytest.mark.parametrize("value", ["'{[]: 1}'", "'(' * 5000", "'undefined'"])
def test_an_answer_that_is_no_value_is_an_error_of_ours(disk: Disk, value: str) -> None:
    code = f"class Odd:\n def __repr__(self):\n  return {value}\nresult = Odd()"
    with BoardDouble(disk) as board, BoardSession(open_port(board.url), board.url) as session, pytest.raises(DscError):
        session.evaluate(code)


@pytest.mark.parametrize("printed", ["'\\x02{[]: 1}\\x03'", "'\\x02' + '(' * 5000 + '\\x03'", "'\\x021 (1, 7)*1234\\x03'"])
def test_what_a_command_prints_is_not_its_answer(disk: Disk, printed: str) -> None:
    with BoardDouble(disk) as board, BoardSession(open_port(board.url), board.url) as session:
        assert session.evaluate(f"print({printed})\nresult = 1") == 1


def test_what_a_board_says_does_not_steer_the_terminal(disk: Disk) -> None:
    with BoardDouble(disk, Habits(machine="Raspberry Pi Pico \x1b[2J")) as board:
        found = flash(board, OLD).found
        assert found.machine == "Raspberry Pi Pico ?[2J"
        with BoardSession(open_port(board.url), board.url) as session, pytest.raises(FlashError) as refused:
            session.evaluate("raise OSError('\\x1b]0;title\\x07')")
    assert str(refused.value).isprintable()


def test_ctrl_c_while_the_program_is_being_stopped_starts_it_again(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    write = board_line.BoardLine.write
    written = []

    def stop(line: board_line.BoardLine, data: bytes) -> None:
        written.append(data)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(line, data)

    monkeypatch.setattr(board_line.BoardLine, "write", stop)
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


def test_a_board_that_refuses_the_last_command_is_restarted_all_the_same(disk: Disk) -> None:
    # The board's memory may be so full that not even an assignment succeeds.
    with BoardDouble(disk) as board:
        with BoardSession(open_port(board.url), board.url) as session:
            run = session._repl.run
            session._repl.run = lambda code, *more, **named: run("raise MemoryError", *more, **named)  # type: ignore[method-assign]
        with BoardSession(open_port(board.url), board.url):
            assert board.starts == 2


@pytest.mark.parametrize("length", [None, "1", -1, 0, 4])
def test_a_file_whose_length_the_board_does_not_confirm_is_an_error_of_ours(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, length: object
) -> None:
    monkeypatch.setattr(snippets, "append", lambda *_: f"result = {length!r}")
    with (
        BoardDouble(disk) as board,
        BoardSession(open_port(board.url), board.url) as session,
        pytest.raises(ProtocolError, match="did not confirm the length"),
    ):
        session.write("new", b"abc")


def test_a_board_that_loses_its_variables_again_and_again_is_named(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_CHUNK", 64)
    with (
        BoardDouble(disk) as board,
        BoardSession(open_port(board.url), board.url) as session,
        pytest.raises(ProtocolError, match="interpreter was reset in each of 16 attempts") as refused,
    ):
        session.evaluate("raise NameError(\"name '_s' isn't defined\")")
    assert "damaged" not in str(refused.value)


def test_an_answer_without_end_is_not_read(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST_ANSWER", 3000)
    with BoardDouble(disk) as board, BoardSession(open_port(board.url), board.url) as session:
        assert session.evaluate("result = 'x' * 2998") == "x" * 2998
        with pytest.raises(ProtocolError, match="an answer of 3001 characters"):
            session.evaluate("result = 'x' * 2999")


@pytest.mark.parametrize(("name", "value"), [("listing", "[[1]]"), ("digests", "{'/dsc/0123456789ab/x': [1]}")])
def test_an_answer_that_holds_no_texts_is_an_error_of_ours(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(snippets, name, lambda *_: f"result = {value}")
    with BoardDouble(disk) as board, pytest.raises(ProtocolError, match="the board's answer is not MicroPython's"):
        flash(board, NEW)


def test_paths_that_are_no_texts_are_an_error_of_ours(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snippets, "existing", lambda *_: "result = [{}]")
    with BoardDouble(disk) as board, pytest.raises(ProtocolError, match="the board's answer is not MicroPython's"):
        unflash(board)
