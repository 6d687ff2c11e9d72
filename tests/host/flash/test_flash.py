"""Flashing a board: the host talks to MicroPython itself at the other end of a pseudo terminal."""

import pytest
from tests.host.command_runner import needs_pty
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble
from tests.host.flash.flash_boards import NEW, OLD, PICO, assert_kept, copy_of, disk_with, flash, start, unflash
from tests.host.flash.image_files import compiled

from dsc_host.errors import InputError, LinkClosed
from dsc_host.flash import BoardContents, BoardSession, board_file, examine, install, plan
from dsc_host.link import open_port

pytestmark = [needs_pty, pytest.mark.usefixtures("hurried")]


def test_a_fresh_board_gets_everything_and_starts() -> None:
    disk = Disk()
    with BoardDouble(disk) as board:
        steps = flash(board, NEW)
    assert len(steps.copied) == len(NEW) - 1
    assert not steps.kept
    assert disk.files["/board.json"] == board_file("pico")
    assert start(disk) == "new"


def test_the_board_restarts_when_it_has_been_flashed(disk: Disk) -> None:
    with BoardDouble(disk) as board:
        flash(board, NEW)
        with BoardSession(open_port(board.url), board.url) as session:
            assert session.evaluate("result = 1") == 1
            assert board.starts == 2
    assert board.starts == 3


def test_an_update_sends_only_what_changed(disk: Disk) -> None:
    with BoardDouble(disk) as board:
        steps = flash(board, NEW)
    assert sorted(path.rpartition("/")[2] for path in steps.copied) == ["__init__.py", "part0.py", "part1.py", "part2.py"]
    assert [path.rpartition("/")[2] for path in steps.kept] == ["__init__.py", "same.py"]
    assert start(disk) == "new"
    assert_kept(disk)
    assert disk.files["/board.json"] == PICO
    assert disk.files.keys() == disk_with(NEW).files.keys(), "nothing of the old program is left"
    assert len([folder for folder in disk.folders if folder.count("/") == 2 and folder.startswith("/dsc/")]) == 1


def test_nothing_is_written_where_nothing_changed(disk: Disk) -> None:
    with BoardDouble(disk) as board:
        steps = flash(board, OLD)
    assert not steps.changes
    assert not steps.copied
    assert start(disk) == "old"


def test_a_board_made_from_an_image_is_updated_too() -> None:
    disk = Disk(
        {f"/{path}": data for path, data in OLD.items()}, {"/", "/lib", "/lib/dsc_firmware", "/lib/dsc_firmware/boards"}
    )
    assert start(disk) == "old"
    with BoardDouble(disk) as board:
        steps = flash(board, NEW)
    assert len(steps.kept) == 2
    assert start(disk) == "new"
    assert not [path for path in disk.files if path.startswith("/lib")]


SAMPLE = pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])


@SAMPLE
def test_a_power_cut_at_any_change_leaves_the_old_or_the_new_program(old: Disk, stride: int) -> None:
    whole = copy_of(old)
    with BoardDouble(whole) as board:
        flash(board, NEW)
    seen = []
    for cut in range(0, whole.changes, stride):
        disk = copy_of(old, cut_at=cut)
        with BoardDouble(disk) as board, pytest.raises(LinkClosed, match="continues where it stopped"):
            flash(board, NEW)
        assert board.cut
        seen.append(start(disk))
        assert_kept(disk)
        assert disk.files["/board.json"] == PICO
    switch = seen.index("new")
    assert set(seen[:switch]) == {"old"}
    assert set(seen[switch:]) == {"new"}
    assert switch > len(NEW) // stride


@SAMPLE
def test_an_interrupted_first_flash_starts_nothing_half(stride: int) -> None:
    whole = Disk()
    with BoardDouble(whole) as board:
        flash(board, NEW)
    for cut in range(0, whole.changes, stride):
        disk = Disk(cut_at=cut)
        with BoardDouble(disk) as board, pytest.raises(LinkClosed):
            flash(board, NEW)
        assert start(disk) == ""


@pytest.fixture
def interrupted(old: Disk) -> Disk:
    """A disk with OLD on which an update to NEW was interrupted."""
    disk = copy_of(old, cut_at=9)
    with BoardDouble(disk) as board, pytest.raises(LinkClosed):
        flash(board, NEW)
    disk.cut_at = None
    return disk


def test_an_interrupted_update_goes_on_where_it_stopped(interrupted: Disk) -> None:
    with BoardDouble(interrupted) as board:
        steps = flash(board, NEW)
    assert 0 < len(steps.copied) < 4
    assert start(interrupted) == "new"
    assert interrupted.files.keys() == disk_with(NEW).files.keys()


def test_an_abandoned_update_is_cleared_away(interrupted: Disk, old: Disk) -> None:
    with BoardDouble(interrupted) as board:
        flash(board, OLD)
    assert start(interrupted) == "old"
    assert interrupted.folders == old.folders
    assert interrupted.files.keys() == old.files.keys()


def test_an_update_that_its_user_stops_restarts_the_old_program(disk: Disk) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with BoardDouble(disk) as board:
        with pytest.raises(KeyboardInterrupt), BoardSession(open_port(board.url), board.url) as session:
            install(session, plan(examine(session), NEW), stop)
        with BoardSession(open_port(board.url), board.url):
            assert board.starts == 2
            assert board.started == "old"


def test_wiring_is_written_over_only_when_asked(disk: Disk) -> None:
    with BoardDouble(disk) as board:
        steps = flash(board, OLD, "pico2")
    assert steps.replaces_board
    assert disk.files["/board.json"] == board_file("pico2")
    assert start(disk) == "old"


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("Raspberry Pi Pico with RP2040", "pico"),
        ("Raspberry Pi Pico W with RP2040", "pico"),
        ("Raspberry Pi Pico2 with RP2350", "pico2"),
        ("Raspberry Pi Pico 2 W with RP2350", "pico2"),
        ("Generic ESP32S3 module with ESP32S3", "esp32s3"),
        ("Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", "esp32s3"),
    ],
)
def test_the_wiring_of_a_fresh_board_is_guessed(machine: str, name: str) -> None:
    assert plan(found(machine), NEW).board == board_file(name)


@pytest.mark.parametrize("machine", ["Adafruit Feather RP2040 with RP2040", "ESP32C3 module with ESP32C3", ""])
def test_the_wiring_of_an_unknown_board_must_be_named(machine: str) -> None:
    with pytest.raises(InputError, match="--board"):
        plan(found(machine), NEW)
    assert plan(found(machine), NEW, "pico").board == board_file("pico")


def found(machine: str) -> BoardContents:
    return BoardContents("1.27.0", machine, 10**6, None, None, {}, ())


def test_unflash_takes_ours_and_nothing_else(disk: Disk) -> None:
    with BoardDouble(disk) as board:
        assert unflash(board) == ("/main.py", "/board.json", "/dsc", "/dsc0.bin", "/dsc1.bin")
    assert set(disk.files) == {"/boot.py", "/lib/mine.py"}
    assert start(disk) == ""
    with BoardDouble(disk) as board:
        assert unflash(board) == ()


def test_unflash_leaves_a_main_py_that_is_not_ours(disk: Disk) -> None:
    disk.files["/main.py"] = b"print('mine')\n"
    with BoardDouble(disk) as board:
        unflash(board)
    assert disk.files["/main.py"] == b"print('mine')\n"


@SAMPLE
def test_an_unflash_that_is_cut_off_never_starts_half_a_program(old: Disk, stride: int) -> None:
    for cut in range(0, 14, stride):
        disk = copy_of(old, cut_at=cut)
        with BoardDouble(disk) as board, pytest.raises(LinkClosed):
            unflash(board)
        assert start(disk) == ("old" if cut == 0 else "")


def test_the_firmware_itself_arrives_byte_for_byte() -> None:
    disk = Disk()
    with BoardDouble(disk) as board:
        steps = flash(board, compiled())
    arrived = {path: data for path, data in disk.files.items() if path.startswith("/dsc/")}
    assert steps.files.keys() == arrived.keys()
    assert all(arrived[path] == data for path, data in steps.files.items())
    assert disk.files["/main.py"].endswith(compiled()["main.py"])
    assert steps.home.encode() in disk.files["/main.py"]
