"""Tests of a blank card: how it gets its key, and how it loses it."""

import pytest
from tests.contract.rig import KEY, Rig, profile

GOOD = {"serial": "CONTRACT", "key": KEY.hex()}
# One example for each field; tests/firmware/test_profile.py has them all.
BAD_VALUES = {
    "serial": "a",
    "suite": "é",
    "key": "0g" * 16,
    "pin": "none",
    "code": "123",
    "tries": "10",
    "counter": "-1",
    "color": "red",
    "k": "\0",
}

NO_PIN_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
BAD_TOGETHER: dict[str, dict[str, str]] = {
    "serial": {},
    "suite": GOOD | {"suite": NO_PIN_SUITE},
    "code": GOOD | {"pin": "card", "suite": NO_PIN_SUITE},
}


def escaped(value: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "".join(f"%{byte:02x}" for byte in c.encode()) for c in value)


def set_fields(rig: Rig, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        assert rig.ask(f"set {name}={escaped(value)}") == "ok"


def test_a_blank_card_shows_no_key(rig: Rig) -> None:
    assert rig.client.display() == ""
    assert rig.press("PRESS") == "NO KEY"
    assert rig.client.hello().state == "notice"
    assert rig.press("1", "OK", "C") == "NO KEY"
    assert rig.press("PRESS") == ""


def test_a_bad_field_is_refused_by_name(rig: Rig) -> None:
    for name, value in BAD_VALUES.items():
        assert rig.ask(f"set {name}={escaped(value)}").startswith(f"err bad-arg {name}: "), value
    assert rig.ask("set").startswith("err bad-arg set")
    assert rig.client.info().serial == ""


def test_fields_that_make_no_card_are_refused_by_name(rig: Rig) -> None:
    for name, fields in BAD_TOGETHER.items():
        for field, value in fields.items():
            assert rig.ask(f"set {field}={escaped(value)}") == "ok"
        assert rig.ask("personalize").startswith(f"err bad-arg {name}: ")
        rig.client.cancel()
    assert rig.client.info().serial == ""
    assert rig.press("PRESS") == "NO KEY"


def test_wipe_asks_the_owner_and_ok_does_it(rig: Rig) -> None:
    rig.client.personalize(profile())
    rig.client.wipe()
    assert rig.client.display() == "WIPE?"
    assert rig.client.hello().state == "wipe"
    assert rig.press("1") == "WIPE?"
    assert rig.press("OK") == "NO KEY"
    assert rig.client.wait_event("wipe", 5).values == {"done": "1"}
    assert rig.client.info().serial == ""


@pytest.mark.parametrize("how", ["C", "PRESS", "cancel", "time"])
def test_wipe_can_be_declined(rig: Rig, how: str) -> None:
    rig.client.personalize(profile())
    rig.client.wipe()
    decline = {"cancel": rig.client.cancel, "time": lambda: rig.advance(30)}.get(how, lambda: rig.press(how))
    decline()
    assert rig.client.display() == ""
    assert rig.client.wait_event("wipe", 5).values == {"done": "0"}
    assert rig.client.info().serial == "CONTRACT"


def test_wipe_is_refused_on_a_blank_card_and_in_the_middle_of_a_login(rig: Rig) -> None:
    assert rig.ask("wipe").startswith("err state card is blank")
    rig.client.personalize(profile())
    rig.press("PRESS")
    assert rig.ask("wipe").startswith("err state ")
    assert rig.client.display() == "PIN>"
