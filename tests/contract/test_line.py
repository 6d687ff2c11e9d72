"""Tests of the line itself, and of the requests that every card answers."""

import pytest
from tests.conftest import BOARD
from tests.contract.rig import Rig, profile
from tests.firmware.fakes import frame

from dsc_host import CardError
from dsc_simulator import SimulatedCard


def test_hello_takes_a_nonce_of_32_characters_and_no_more(rig: Rig) -> None:
    assert rig.ask("hello nonce=" + "a" * 32).startswith("ok nonce=" + "a" * 32 + " ")
    for nonce in ("a" * 33, "%2a" * 33, "a" * 200):
        assert rig.ask(f"hello nonce={nonce}").startswith("err bad-arg nonce:"), nonce
    assert rig.ask("hello").startswith("ok protocol=1 ")


def test_info_is_what_was_personalized(rig: Rig) -> None:
    rig.client.personalize(profile(serial="CONTRACT-7", counter=41))
    info = rig.client.info()
    assert (info.serial, info.suite, info.pin_policy) == ("CONTRACT-7", "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", "ocra")
    assert (info.counter, info.tries_left, info.locked) == (41, None, False)


def test_entropy_has_the_length_asked_for_and_differs(rig: Rig) -> None:
    for n in (1, 32, 64):
        seen = [rig.client.entropy(n) for _ in range(8)]
        assert {len(data) for data in seen} == {n}
        assert len(set(seen)) > 1
    assert len(rig.ask("entropy")) == len("ok bytes=") + 2 * 32


def test_entropy_refuses_another_length(rig: Rig) -> None:
    for value in ["", "0", "65", "640", "64.0", "1.0", "-1", "+1", "1e1", "9" * 20, "x", "%ff", "%00", "%20", "/", ":"]:
        assert rig.ask(f"entropy n={value}") == "err bad-arg n: 1 to 64", value


def test_selftest_passes(rig: Rig) -> None:
    passed = "ok response=pass entropy=pass journal=pass"
    rig.client.selftest()
    assert rig.ask("selftest") == passed
    rig.client.personalize(profile())
    rig.client.selftest()
    assert rig.ask("selftest") == passed


def test_an_unknown_request_is_refused_by_its_number(rig: Rig) -> None:
    for words in ("fly away=1", "hell", "helloo", "a", "z" * 200):
        assert rig.exchange(frame(f">4711 {words}")) == ["<4711 err unknown no such request"], words


def test_a_person_may_leave_the_check_off(rig: Rig) -> None:
    for word in ("hello", "info", "display"):
        assert rig.exchange(f">7 {word}\n".encode())[0].startswith("<7 ok"), word


def test_every_other_request_needs_its_check(rig: Rig) -> None:
    for word in (
        "entropy",
        "set serial=A",
        "personalize",
        "challenge q=482913",
        "cancel",
        "wipe",
        "key k=PRESS",
        "selftest",
        "fly",
    ):
        assert rig.exchange(f">7 {word}\n".encode()) == [], word
    assert rig.client.display() == ""


def test_after_noise_that_looks_like_a_request_the_next_one_is_served(rig: Rig) -> None:
    assert rig.exchange(b">7 entropy n=3") == []
    assert rig.exchange(b"*\n>\n>7\n>7 \n%%%=\r\r" + bytes(range(256)) + b"\n" + frame(">9 display")) == ["<9 ok text="]


def test_many_requests_in_one_go_are_all_served_in_order(rig: Rig) -> None:
    replies = rig.exchange(b"".join(frame(f">{i} selftest") for i in range(200)))
    assert replies == [f"<{i} ok response=pass entropy=pass journal=pass" for i in range(200)]


def test_a_key_that_the_card_does_not_have_is_refused(rig: Rig) -> None:
    if "keys" not in rig.caps:
        pytest.skip("this board accepts no keys over the line")
    names = ["", "A", "c", "ok", "O", "P", "press", "OKOK", "10", "11", "PRESSPRESS", "PRESSED", "%00", "%ff", "%c3%a9"]
    for request in [*(f"key k={name}" for name in names), "key", "key x=1"]:
        assert rig.ask(request) == "err bad-arg k: 0 to 9, OK, C or PRESS", request


def test_keys_are_refused_where_the_board_has_its_own(engine: str) -> None:
    if engine == BOARD:
        pytest.skip("a test cannot choose whether a real board has keys of its own")
    with SimulatedCard(engine=engine, keys_on_line=False) as card, Rig(card.url) as rig:
        assert rig.caps == frozenset()
        with pytest.raises(CardError, match="keys of its own") as refusal:
            rig.client.key("PRESS")
        assert refusal.value.code == "denied"
        assert card.display == ""
