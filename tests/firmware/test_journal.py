"""Tests of the journal's four invariants, on a flash that tears, lies, refuses and forgets."""

from collections.abc import Callable, Iterator

import pytest
from tests.firmware.fakes import KEY, FaultyFlash, PowerCut, cut_at, lost, refused

from dsc_firmware.journal import BLANK, BROKEN, KEY_MAX, READY, SERIAL_MAX, SIZE, SUITE_MAX, Journal, epoch_of

OTHER_KEY = bytes(range(0x80, 0xC0))
Fault = Callable[[int, bytes, bytes], tuple[bytes | None, BaseException | None]]


def opened(flash: FaultyFlash) -> Journal:
    journal = Journal(flash)
    journal.load()
    return journal


def personalize(journal: Journal, key: bytes = KEY) -> bool:
    journal.record.assign(b"IB3000123", b"OCRA-1:HOTP-SHA256-8:C-QN06", key)
    journal.record.checks_pin = True
    journal.record.code[:] = bytes(range(16))
    journal.record.counter = 7
    return journal.store_twice()


def count(journal: Journal) -> bool:
    journal.record.counter += 1
    return journal.store()


def flash_with(key: bytes = KEY) -> FaultyFlash:
    """Return the flash of a personalized card."""
    flash = FaultyFlash()
    assert personalize(opened(flash), key)
    flash.tape.clear()
    return flash


def copy_of(flash: FaultyFlash) -> FaultyFlash:
    return FaultyFlash((flash.slots[0], flash.slots[1]))


def contents(journal: Journal) -> tuple[object, ...]:
    record = journal.record
    identity = (bytes(record.serial), bytes(record.suite), bytes(record.key), bytes(record.code))
    return (journal.status, *identity, record.checks_pin, record.tries, record.failures, record.counter)


def stored(flash: FaultyFlash) -> tuple[object, ...]:
    """Return the data of a card that starts on this flash."""
    return contents(opened(flash))


def is_mended(flash: FaultyFlash) -> bool:
    """Return whether both slots are valid and of one kind."""
    return all(epoch_of(slot) > 0 for slot in flash.slots) and flash.slots[0][8] == flash.slots[1][8]


def holds(flash: FaultyFlash, secret: bytes) -> bool:
    return any(secret in (slot or b"") for slot in flash.slots)


def damage(flash: FaultyFlash, slot: int, at: int = 100) -> None:
    data = bytearray(flash.slots[slot] or b"")
    data[at] ^= 1
    flash.slots[slot] = bytes(data)


def cuts(writes: int, step: int = 1) -> Iterator[Fault]:
    """Yield every place in `writes` writes where power can fail, with both ways in which a write can tear."""
    for write in range(writes):
        for size in (*range(0, SIZE, step), SIZE):
            for erased in (False, True):
                yield cut_at(write, size, erased)


def interrupt(flash: FaultyFlash, fault: Fault, action: Callable[[Journal], object]) -> None:
    """Start a card on `flash`, and cut its power during `action`."""
    journal = opened(flash)
    flash.fault = fault
    with pytest.raises(PowerCut):
        action(journal)
    flash.repair()


def test_record_of_full_length_comes_back() -> None:
    flash = FaultyFlash()
    journal = opened(flash)
    record = journal.record
    record.assign(b"S" * SERIAL_MAX, b"U" * SUITE_MAX, bytes(range(1, KEY_MAX + 1)))
    record.code[:] = b"c" * 16
    record.checks_pin, record.tries, record.failures, record.counter = True, 9, 8, 2**64 - 1
    assert journal.store()
    again = opened(flash)
    assert again.status == READY
    assert contents(again) == contents(journal)


@pytest.mark.parametrize(("begin", "status"), [(FaultyFlash, BLANK), (flash_with, READY)])
def test_unwritten_flash_and_a_good_record_are_only_read_at_start(begin: Callable[[], FaultyFlash], status: int) -> None:
    flash = begin()
    assert opened(flash).status == status
    assert flash.writes == 0


def test_stores_take_turns_so_that_the_record_before_is_still_there() -> None:
    flash = flash_with()
    journal = opened(flash)
    for _ in range(4):
        assert count(journal)
    written = [slot for name, slot in flash.tape if name == "write"]
    assert written in ([0, 1, 0, 1], [1, 0, 1, 0])
    assert opened(flash).record.counter == 11


def test_store_leaves_no_secret_in_its_buffer() -> None:
    journal = opened(flash_with())
    assert count(journal)
    assert not any(journal._buffer)


def test_shorter_identity_leaves_nothing_of_the_longer_one_before() -> None:
    flash = flash_with(OTHER_KEY)
    journal = opened(flash)
    personalize(journal, KEY[:16])
    assert bytes(journal.record.key) == KEY[:16]
    assert not holds(flash, OTHER_KEY[16:])


def wiped_flash() -> FaultyFlash:
    flash = flash_with(OTHER_KEY)
    opened(flash).erase()
    return flash


@pytest.mark.parametrize(
    ("begin", "action", "writes", "step"),
    [
        (flash_with, count, 1, 1),
        (FaultyFlash, personalize, 2, 7),
        (wiped_flash, personalize, 2, 7),
        (flash_with, Journal.erase, 2, 7),
    ],
    ids=["store", "personalize", "personalize after a wipe", "wipe"],
)
def test_cut_leaves_the_old_record_or_the_new(
    begin: Callable[[], FaultyFlash], action: Callable[[Journal], object], writes: int, step: int
) -> None:
    whole = begin()
    old = stored(whole)
    done = copy_of(whole)
    action(opened(done))
    seen = set()
    for fault in cuts(writes, step):
        flash = copy_of(whole)
        interrupt(flash, fault, action)
        now = stored(flash)
        seen.add(now)
        assert is_mended(flash) or (action is personalize and flash.slots[1] is None)
        if action is Journal.erase:
            assert holds(flash, KEY) == (now == old)
    assert seen == {old, stored(done)}


def test_cut_while_a_cut_is_mended_loses_nothing() -> None:
    whole = flash_with()
    old = stored(whole)
    for first in cuts(1, step=40):
        for second in cuts(1, step=40):
            flash = copy_of(whole)
            interrupt(flash, first, lambda journal: journal.store())
            flash.fault = second
            try:
                opened(flash)
            except PowerCut:
                flash.repair()
            flash.repair()
            assert stored(flash) == old
            assert is_mended(flash)


@pytest.mark.parametrize("slot", [0, 1])
def test_after_the_first_start_one_damaged_slot_never_brings_back_what_was_wiped(slot: int) -> None:
    flash = flash_with()
    interrupt(flash, cut_at(0, SIZE), Journal.erase)
    assert opened(flash).status == BLANK
    damage(flash, slot)
    assert opened(flash).status == BLANK


def altered(slot: int, old: bytes, new: bytes) -> tuple[bytes, None]:
    return new[:-1] + bytes([new[-1] ^ 1]), None


@pytest.mark.parametrize(("fault", "unreadable"), [(lost, set()), (refused, set()), (altered, set()), (None, {0, 1})])
def test_store_that_does_not_hold_is_reported_and_breaks_the_journal(fault: Fault | None, unreadable: set[int]) -> None:
    flash = flash_with()
    journal = opened(flash)
    flash.fault, flash.unreadable = fault, unreadable
    assert not count(journal)
    assert journal.status == BROKEN
    assert not journal.sound()


def test_personalizing_half_stored_is_not_reported_as_done() -> None:
    flash = FaultyFlash()
    journal = opened(flash)
    flash.fault = lambda slot, old, new: (new, None) if slot == 0 else (old, OSError(5))
    assert not personalize(journal)


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("at", [0, 4, 8, 16, 24, 100, SIZE - 6, SIZE - 1])
def test_one_damaged_slot_is_passed_over_and_mended(slot: int, at: int) -> None:
    flash = flash_with()
    damage(flash, slot, at)
    assert opened(flash).status == READY
    assert is_mended(flash)
    assert holds(flash, KEY)


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE + 1])
def test_slot_of_another_size_is_damage(size: int) -> None:
    flash = flash_with()
    flash.slots[0] = (flash.slots[0] or b"").ljust(SIZE + 1, b"\0")[:size]
    assert opened(flash).status == READY
    assert is_mended(flash)


def test_two_damaged_slots_break_the_journal_and_stay_as_they_are() -> None:
    flash = flash_with()
    damage(flash, 0)
    damage(flash, 1)
    before = list(flash.slots)
    journal = opened(flash)
    assert journal.status == BROKEN
    assert not journal.sound()
    assert (flash.slots, flash.writes) == (before, 0)


@pytest.mark.parametrize("slot", [0, 1])
def test_unreadable_slot_breaks_the_journal_and_nothing_is_written(slot: int) -> None:
    flash = flash_with()
    flash.unreadable = {slot}
    assert opened(flash).status == BROKEN
    assert flash.writes == 0
    flash.repair()
    assert opened(flash).status == READY


def test_good_record_beside_a_slot_that_takes_no_writes_is_broken_but_kept() -> None:
    flash = flash_with()
    damage(flash, 0)
    flash.fault = refused
    assert opened(flash).status == BROKEN
    assert holds(flash, KEY)


@pytest.mark.parametrize("prepare", [lambda flash: damage(flash, 0) or damage(flash, 1), lambda flash: None])
def test_erasing_leads_out_of_broken_and_leaves_no_key(prepare: Callable[[FaultyFlash], None]) -> None:
    flash = flash_with()
    prepare(flash)
    journal = opened(flash)
    assert journal.erase()
    assert journal.status == BLANK
    assert not holds(flash, KEY)
    assert not any(journal.record._key)
    assert opened(flash).status == BLANK


@pytest.mark.parametrize("unreadable", [{0}, {1}, {0, 1}])
@pytest.mark.parametrize("stores", [0, 1])
def test_cut_in_a_wipe_after_a_failed_read_never_brings_back_a_counter(unreadable: set[int], stores: int) -> None:
    whole = flash_with()
    for _ in range(stores):
        count(opened(whole))
    newest = opened(copy_of(whole)).record.counter
    for fault in cuts(2, step=50):
        flash = copy_of(whole)
        flash.unreadable = unreadable
        journal = opened(flash)
        flash.repair()
        flash.fault = fault
        with pytest.raises(PowerCut):
            journal.erase()
        flash.repair()
        again = opened(flash)
        assert again.status == BLANK or again.record.counter == newest


@pytest.mark.parametrize("unreadable", [{0}, {1}, {0, 1}])
def test_wipe_of_slots_that_cannot_be_read_never_brings_back_a_counter(unreadable: set[int]) -> None:
    flash = flash_with()
    count(opened(flash))
    flash.unreadable = unreadable
    assert not opened(flash).erase()
    flash.repair()
    again = opened(flash)
    assert again.status == BLANK or again.record.counter == 8


def test_sound_is_about_the_slot_in_use() -> None:
    flash = flash_with()
    journal = opened(flash)
    assert journal.sound()
    damage(flash, 1 - journal._slot)
    assert journal.sound()
    flash.unreadable = {0, 1}
    assert not journal.sound()
    flash.repair()
    damage(flash, journal._slot)
    assert not journal.sound()


def test_blank_card_is_sound() -> None:
    assert opened(FaultyFlash()).sound()
