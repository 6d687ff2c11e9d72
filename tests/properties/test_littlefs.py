"""On the boards' file system the journal keeps its promises wherever the flash fails. Mutants of it must fail here."""

import errno
from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from tests.reliability import filesystem
from tests.reliability.filesystem import BLOCKS, OPERATIONS, Tally
from tests.reliability.nor import BLOCK, PROGRAM, Disk, Fault, Nor, NorError, PowerCut, Tear, torn
from tests.reliability.report import Row, Scale

from dsc_firmware.drivers import chip
from dsc_firmware.drivers.chip import FileFlash
from dsc_firmware.journal import BROKEN, SIZE

ERASED = b"\xff" * BLOCK
PATTERN = bytes(range(256))


class Emptying(FileFlash):
    """A flash whose write has two steps: littlefs no longer makes it one."""

    def write(self, slot: int, data: bytes) -> None:
        super().write(slot, b"")
        super().write(slot, data)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.what: row for row in filesystem.run(Scale.TEST)}


@pytest.mark.long
def test_no_promise_is_broken(rows: dict[str, Row]) -> None:
    assert not [str(row) for row in rows.values() if not row.good]


@pytest.mark.long
def test_enough_was_tried(rows: dict[str, Row]) -> None:
    least = {f"cuts on littlefs: {name}": 50 for name in (*OPERATIONS, "mending")}
    least |= {"second cuts on littlefs": 200, "bad blocks": 300, "full file system": 150, "flash worn out": 50}
    least |= {"both slots damaged": SIZE // 8}
    assert rows.keys() == least.keys()
    assert not {what: rows[what].tried for what in least if rows[what].tried < least[what]}


@cache
def images(updates: int) -> tuple[bytes, list[bytes]]:
    """Return a blank chip, and a card's chip: fresh, and after this many updates."""
    blank = filesystem.formatted()
    own = filesystem.after(blank, filesystem.personalize)
    return blank, [own, *filesystem.used(own, updates)]


def points(name: str, updates: int = 0) -> list[filesystem.Point]:
    """Return the points at which the operation is swept."""
    return filesystem.starts(name, *images(updates))


@pytest.mark.parametrize("name", OPERATIONS)
def test_sweep_meets_littlefs_compacting_and_moving_its_blocks(name: str) -> None:
    courses = [filesystem.course(image, act) for image, act in points(name, updates=3500)]
    assert {each.count("e") for each in courses} >= {0, 1, 2}
    assert len(courses) >= 4


def test_bad_block_and_full_disk_make_stores_fail() -> None:
    tally = Tally()
    assert filesystem.bad_blocks(points("response"), 1, tally) > 0
    blank = filesystem.formatted()
    crowded = [(image, filesystem.personalize) for image in list(filesystem.full(blank))[::3]]
    assert filesystem.full_disk(crowded, 1, 0, tally) > 0
    assert tally.row("").good


def test_same_figures_every_time() -> None:
    def figures() -> list[str]:
        image = points("response")
        filesystem.bad_blocks(image, 1, Tally())
        return [nor.buffer.hex() for nor, _ in filesystem.sweep(*image[0], {filesystem.Contents(BROKEN)}, 2)]

    assert figures() == figures()


@pytest.mark.parametrize("flash", [FileFlash, Emptying])
@pytest.mark.parametrize("name", OPERATIONS)
def test_cuts_break_no_promise_even_if_the_file_system_writes_in_two_steps(
    name: str, flash: type[FileFlash], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chip, "FileFlash", flash)
    once = Tally()
    filesystem.cuts(points(name), 3, 10, once, Tally())
    assert once.row(name).good


def test_two_damaged_slots_are_neither_taken_nor_overwritten() -> None:
    assert filesystem.damage(filesystem.after(filesystem.formatted(), filesystem.personalize), 16).good


def erased_chip(cells: bytes = ERASED * 2) -> Nor:
    return Nor(cells, 0)


def test_programming_clears_bits_and_erasing_sets_them() -> None:
    nor = erased_chip()
    assert nor.prog(None, 1, PROGRAM, PATTERN) == 0
    nor.check_power()
    assert nor.read(None, 1, PROGRAM, 256) == PATTERN
    assert nor.erase(None, 1) == 0
    assert nor.buffer == ERASED * 2
    assert nor.course == "pe"


@pytest.mark.parametrize(("off", "data"), [(0, PATTERN), (PROGRAM, PATTERN[:-1]), (1, PATTERN), (BLOCK, PATTERN)])
def test_program_that_sets_a_bit_or_misses_the_pages_is_caught(off: int, data: bytes) -> None:
    nor = erased_chip(bytes(PROGRAM) + ERASED[PROGRAM:] + ERASED)
    assert nor.prog(None, 0, off, data) < 0
    with pytest.raises(NorError):
        nor.check_power()


@pytest.mark.parametrize("seed", range(10))
def test_torn_change_leaves_nothing_but_a_part_of_it(seed: int) -> None:
    left = torn("p", ERASED[:256], PATTERN, Random(seed))
    done = next((at for at in range(256) if left[at] != PATTERN[at]), 256)
    assert left[done + 1 :] == ERASED[done + 1 : 256]
    assert all(now & new == new for now, new in zip(left, PATTERN, strict=True))
    left = torn("e", PATTERN * 16, ERASED, Random(seed))
    assert PATTERN * 16 != left != ERASED
    assert all(now & old == old for now, old in zip(left, PATTERN * 16, strict=True))


@pytest.mark.parametrize(("tear", "left"), [(Tear.BEFORE, ERASED[:256]), (Tear.AFTER, PATTERN)])
def test_chip_without_power_takes_nothing_more(tear: Tear, left: bytes) -> None:
    nor = erased_chip()
    nor.cut_power(1, tear)
    assert nor.prog(None, 0, 0, PATTERN) == 0
    assert nor.prog(None, 0, PROGRAM, PATTERN) < 0
    assert nor.erase(None, 0) < 0
    assert nor.buffer[: 2 * PROGRAM] == PATTERN + left
    with pytest.raises(PowerCut):
        nor.check_power()
    nor.repair()
    assert nor.erase(None, 0) == 0


@pytest.mark.parametrize("fault", Fault)
def test_block_goes_bad_as_it_is_used_and_stays_bad(fault: Fault) -> None:
    nor = erased_chip()
    nor.spoil(1, fault)
    assert nor.prog(None, 1, 0, PATTERN) == 0
    for off in (PROGRAM, 2 * PROGRAM):
        told = nor.prog(None, 1, off, PATTERN)
        assert (told < 0) == (fault in (Fault.REFUSES, Fault.ADMITS))
        assert nor.read(None, 1, off, 256) != PATTERN
    assert nor.prog(None, 0, 0, PATTERN) == 0
    nor.check_power()


def test_block_wears_out() -> None:
    nor = erased_chip()
    nor.endurance = 3
    for _ in range(3):
        nor.erase(None, 0)
    assert not nor.bad
    nor.erase(None, 0)
    assert nor.bad == {0: Fault.STICKS}


def fresh() -> Disk:
    return Disk(Nor(ERASED * BLOCKS), format_first=True)


def content(disk: Disk, path: str) -> bytes:
    with disk.open(path, "rb") as file:
        return file.read(BLOCK)


@pytest.mark.parametrize("fault", [Fault.ADMITS, Fault.IGNORES, Fault.STICKS])
def test_littlefs_goes_round_a_bad_block(fault: Fault) -> None:
    disk = fresh()
    disk.nor.spoil(disk.nor.changes, fault)
    disk.put("/file", PATTERN * 8)
    assert disk.nor.bad
    assert content(Disk(disk.nor), "/file") == PATTERN * 8


@pytest.mark.parametrize(
    ("number", "act"),
    [
        (errno.ENOENT, lambda disk: content(disk, "/none")),
        (errno.ENOSPC, lambda disk: disk.put("/file", bytes(BLOCK * BLOCKS))),
        (errno.EIO, lambda disk: disk.nor.spoil(disk.nor.changes, Fault.REFUSES) or disk.put("/file", b"1")),
    ],
)
def test_errors_are_those_of_micropython(number: int, act: Callable[[Disk], object]) -> None:
    with pytest.raises(OSError, check=lambda error: error.args[0] == number):
        act(fresh())


def test_full_disk_takes_no_more_until_there_is_room() -> None:
    disk = fresh()
    disk.fill(BLOCK)
    with pytest.raises(OSError, check=lambda error: error.args[0] == errno.ENOSPC):
        disk.put("/file", ERASED)
    disk.free(2)
    disk.put("/file", ERASED)
