"""The card of a web page."""

from collections.abc import Iterator

import pytest

from dsc_simulator import engines
from dsc_simulator.board import KEYS
from dsc_simulator.page_card import PageCard

PROFILE = {"serial": "IB3000901", "key": bytes(32), "suite": "OCRA-1:HOTP-SHA1-8:C-QN06-PSHA1"}


@pytest.fixture
def card() -> Iterator[PageCard]:
    made = PageCard(PROFILE, engine="cpython")
    yield made
    made.close()


def test_the_keys_that_are_drawn_are_those_that_can_be_pressed(card: PageCard) -> None:
    assert sorted(card.keys) == sorted(KEYS)
    for name in card.keys:
        card.press(name)
    assert card.presses == len(KEYS)


def test_a_card_says_its_serial_and_goes_on_with_what_it_did(card: PageCard) -> None:
    for key in ("PRESS", "2", "8"):
        card.press(key)
    assert (card.serial, card.display) == ("IB3000901", "PIN>**")
    card.press("4")
    assert card.display == "PIN>***"


def test_a_blank_card_has_no_serial() -> None:
    blank = PageCard(engine="cpython")
    assert blank.serial == ""
    blank.close()


def test_what_is_no_key_does_nothing(card: PageCard) -> None:
    for key in ("", "press", "12", "\x00"):
        card.press(key)
    assert (card.presses, card.display) == (0, "")


def test_without_the_vm_the_firmware_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "available", lambda name: name == "cpython")
    card = PageCard(PROFILE)
    card.press("PRESS")
    assert card.display == "PIN>"
    card.close()
