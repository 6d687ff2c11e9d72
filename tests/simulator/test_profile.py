"""The simulator's Profile: what it accepts and refuses, and that it makes the same card as the line would."""

from typing import Any

import pytest
from tests.firmware.fakes import frame

from dsc_simulator import Profile, ProfileRefused, SimulatedCard

GOOD: dict[str, Any] = {"serial": "A-1", "key": bytes(range(32))}
CARD_CHECKS: dict[str, Any] = {"pin_policy": "card", "pin": "1234", "suite": "OCRA-1:HOTP-SHA256-8:C-QN06"}


# One example for each field; tests/firmware/test_profile.py has them all.
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("serial", {"serial": "É"}),
    ("key", {"key": bytes(15)}),
    ("suite", {"suite": "OCRA-1:HOTP-SHA256-8:C-QN06"}),
    ("pin", {"pin_policy": "both"}),
    ("code", {"pin": "1234"}),
    ("code", CARD_CHECKS | {"pin": None}),
    ("tries", {"tries": 5}),
    *(("counter", {"counter": counter}) for counter in (-1, 2**64 - 1)),
]


@pytest.mark.parametrize(("field", "values"), REFUSED)
def test_what_the_firmware_would_not_take_is_refused_by_name(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ProfileRefused, match=f"^{field}: "):
        SimulatedCard(profile=Profile(**GOOD | values))


@pytest.mark.parametrize("values", [{"key": "00" * 32}, {"key": None}, CARD_CHECKS | {"unlock_key": "00" * 32}])
def test_a_key_that_is_not_bytes_is_a_wrong_argument(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="bytes-like"):
        SimulatedCard(profile=Profile(**GOOD | values))


@pytest.mark.parametrize("values", [{}, {"counter": 2**64 - 2}, CARD_CHECKS, CARD_CHECKS | {"tries": 1}])
def test_it_makes_the_same_card_as_the_line(values: dict[str, Any]) -> None:
    profile = Profile(**GOOD | values)
    with SimulatedCard() as card:
        for name, value in profile.fields().items():
            card.send(frame(f">1 set {name}={value}"))
        card.send(frame(">1 personalize"))
        assert card.flash.slots == profile.flash().slots


def test_no_secret_is_in_its_repr() -> None:
    shown = repr(Profile(**GOOD | CARD_CHECKS))
    assert "1234" not in shown
    assert repr(GOOD["key"])[2:-1] not in shown


def test_each_card_has_a_flash_of_its_own() -> None:
    profile = Profile(**GOOD)
    with SimulatedCard(profile=profile) as first, SimulatedCard(profile=profile) as second:
        first.press("PRESS", *"1234", "OK", *"482913", "OK")
        assert first.flash.slots != second.flash.slots
