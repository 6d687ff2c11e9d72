"""A profile at its limits and beyond them, and the key that host and card make together."""

import pytest
from tests.host.key_derivation import expand
from tests.host.link.scripted_card import KEY

from dsc_host.errors import InputError
from dsc_host.link import Profile, derive_key

UNLOCK_KEY = bytes(range(0xC0, 0xE0))
ON_CARD = {"pin_policy": "card", "code": "1234"}
REFUSED: dict[str, list[dict[str, object]]] = {
    "serial": [{"serial": serial} for serial in ("", "A" * 17, "ib3", "IB3\n", None)],
    "suite": [{"suite": suite} for suite in ("", "O" * 49, "OCRA 1", "OCRA\n", None)],
    "key": [{"key": key} for key in (bytes(15), bytes(65), "a0" * 32)],
    "pin_policy": [{"pin_policy": "none"}],
    "code": [{"code": "1234"}, {"pin_policy": "card"}]
    + [{**ON_CARD, "code": code} for code in ("123", "12345", "１２３４", 1234)],  # noqa: RUF001
    "tries": [{"tries": 4}, *({**ON_CARD, "tries": tries} for tries in (0, 10, True))],
    "counter": [{"counter": counter} for counter in (-1, 2**64 - 1, 1.0)],
    "unlock_key": [{"unlock_key": UNLOCK_KEY}]
    + [{**ON_CARD, "unlock_key": key} for key in (b"", bytes(31), bytes(33), "c0" * 32, bytearray(32), KEY)],
}


@pytest.mark.parametrize(("field", "values"), [(field, values) for field, all_ in REFUSED.items() for values in all_])
def test_a_profile_that_no_card_takes_cannot_be_made(field: str, values: dict[str, object]) -> None:
    given = {"serial": "IB3000123", "key": KEY} | values
    with pytest.raises(InputError) as caught:
        Profile(**given)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert "1234" not in str(caught.value)
    assert repr(KEY) not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"serial": "A"},
        {"serial": "A-0123456789-XYZ"},
        {"key": bytes(16)},
        {"key": bytes(64)},
        {"counter": 2**64 - 2},
        {"suite": "O" * 48},
        {"pin_policy": "card", "code": "0000", "tries": 1},
        {"pin_policy": "card", "code": "9999", "tries": 9, "unlock_key": UNLOCK_KEY},
    ],
)
def test_profiles_at_the_edge_of_what_is_allowed(values: dict[str, object]) -> None:
    given = {"serial": "IB3000123", "key": KEY} | values
    profile = Profile(**given)  # type: ignore[arg-type]
    assert {name: getattr(profile, name) for name in given} == given


@pytest.mark.parametrize(
    ("length", "purpose", "label"), [*((n, "responses", b"card") for n in (16, 32, 64)), (32, "unlocking", b"unlock")]
)
def test_the_key_comes_from_both_sides_the_serial_and_the_purpose(length: int, purpose: str, label: bytes) -> None:
    host, card = bytes(range(16)), bytes(range(50, 90))
    expected = expand(b"\0\0\0\x10" + host + card, b"dscplus %s key 1\0IB3" % label, length)
    assert derive_key(host, card, "IB3", length, purpose=purpose) == expected


def test_no_two_of_its_inputs_give_the_same_key() -> None:
    one, two = bytes(range(20)), bytes(range(20, 60))
    keys = {
        derive_key(one, two, "A"),
        derive_key(two, one, "A"),
        derive_key(one, two, "B"),
        derive_key(one + two[:1], two[1:], "A"),
        derive_key(one, two, "A", purpose="unlocking"),
    }
    assert len(keys) == 5
    assert derive_key(one, two, "A", purpose="responses") in keys


@pytest.mark.parametrize("purpose", ["", "Unlocking", "card key"])
def test_there_are_no_other_purposes(purpose: str) -> None:
    with pytest.raises(InputError, match="must be responses or unlocking") as caught:
        derive_key(bytes(16), bytes(16), "A", purpose=purpose)
    assert caught.value.field == "purpose"


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("host entropy", (bytes(15), bytes(16), "A")),
        ("card entropy", (bytes(16), bytes(15), "A")),
        ("serial", (bytes(16), bytes(16), "")),
        ("length", (bytes(16), bytes(16), "A", 15)),
        ("length", (bytes(16), bytes(16), "A", 65)),
    ],
)
def test_too_little_entropy_makes_no_key(field: str, arguments: tuple[bytes, bytes, str]) -> None:
    with pytest.raises(InputError) as caught:
        derive_key(*arguments)
    assert caught.value.field == field
