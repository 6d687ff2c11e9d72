"""The power fails where a test says: at an instruction, or at a byte of the flash."""

import pytest
from tests.firmware.fakes import INTERPRETERS, KEY, needs_micropython

from dsc_firmware.journal import SIZE
from dsc_simulator import FirmwareCrash, Flash, PowerCut, Profile, SimulatedCard

PROFILE = Profile("A", KEY)


def at_challenge(engine: str) -> SimulatedCard:
    card = SimulatedCard(engine=engine, flash=PROFILE.flash(), seed=1)
    card.press("PRESS", *"1234", "OK")
    card.press(*"482913")
    return card


@pytest.mark.parametrize("engine", INTERPRETERS)
def test_a_card_without_power_is_dark_and_dead_until_it_is_restarted(engine: str) -> None:
    with at_challenge(engine) as card:
        card.cut_power(after=0)
        with pytest.raises(PowerCut, match="the power failed after 0 "):
            card.press("OK")
        assert card.display == ""
        with pytest.raises(FirmwareCrash, match="the power is off"):
            card.press("OK")
        card.restart()
        assert card.press("PRESS") == "PIN>"


@pytest.mark.parametrize("engine", INTERPRETERS)
def test_a_cut_can_be_called_off_and_comes_but_once(engine: str) -> None:
    with at_challenge(engine) as card:
        with pytest.raises(ValueError, match="after: must not be negative"):
            card.cut_power(after=-1)
        card.cut_power(after=0)
        card.cut_power(after=None)
        assert len(card.press("OK")) == 8
        card.cut_power(after=0)
        # The response is still shown: *press*, and again for the next login.
        with pytest.raises(PowerCut):
            card.press("PRESS", "PRESS", *"1234", "OK", *"482913", "OK")
        card.restart()
        assert len(card.press("PRESS", *"1234", "OK", *"482913", "OK")) == 8


@pytest.mark.parametrize("written", [0, 1, 100, SIZE - 1, SIZE])
def test_on_cpython_the_flash_holds_what_was_written_one_torn_byte_and_what_was_there(written: int) -> None:
    with at_challenge("cpython") as whole:
        before = whole.flash.slots[0]
        whole.press("OK")
        after = whole.flash.slots[0]
        assert before is not None
        assert after is not None
        assert before != after
    with at_challenge("cpython") as card:
        card.cut_power(after=written)
        with pytest.raises(PowerCut, match=f"after {written} of the {SIZE} bytes of slot 0"):
            card.press("OK")
        torn = card.flash.slots[0]
    assert torn is not None
    assert torn[:written] == after[:written]
    assert torn[written + 1 :] == before[written + 1 :]
    for old, new, byte in zip(before, after, torn, strict=True):
        assert (byte ^ old) & ~(old ^ new) == 0


def test_on_cpython_bytes_are_counted_over_several_writes() -> None:
    with SimulatedCard(profile=PROFILE, seed=1) as card:
        card.cut_power(after=SIZE + 1)
        for _ in range(2):
            card.press("PRESS", *"1234", "OK", *"482913")
            if card.flash.cut_after == 1:
                with pytest.raises(PowerCut, match=f"after 1 of the {SIZE} bytes of slot 1"):
                    card.press("OK")
            else:
                card.press("OK", "OK")
        assert card.flash.cut_after is None


def test_on_cpython_a_slot_never_written_is_torn_out_of_ones() -> None:
    flash = Flash()
    flash.cut_after = 2
    with pytest.raises(PowerCut):
        flash.write(0, bytes(8))
    assert flash.slots[0] is not None
    assert (flash.slots[0][:2], flash.slots[0][3:]) == (bytes(2), b"\xff" * 5)


@needs_micropython
def test_on_micropython_the_words_count_instructions() -> None:
    with at_challenge("micropython") as card:
        card.cut_power(after=123_456)
        with pytest.raises(PowerCut, match="the power failed after 123,456 instructions"):
            card.press("OK")
