"""The client's calls: the words they send, the replies they take and refuse, and that they reveal no secret."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.host.link.scripted_card import CALLS, KEY, PROFILE, Card, FakePort, checked

from dsc_host.errors import CardError, InputError, ProtocolError
from dsc_host.link import CardClient, CardInfo

UNLOCK_KEY = bytes(range(0xC0, 0xE0))
LOCKING = replace(PROFILE, pin_policy="card", code="9876", unlock_key=UNLOCK_KEY)


def test_hello_tells_who_is_there(client: CardClient, card: Card) -> None:
    greeting = client.hello()
    assert (greeting.protocol, greeting.firmware, greeting.serial) == (1, "0.1.0", "IB3000123")
    assert (greeting.board, greeting.state, greeting.caps) == ("double", "off", frozenset({"keys"}))


def test_every_hello_has_a_nonce_of_its_own(client: CardClient, card: Card) -> None:
    client.hello()
    client.hello()
    first, second = (values for _, _, values in card.asked)
    assert first.startswith("nonce=")
    assert first != second


@pytest.mark.parametrize(
    ("said", "info"),
    [
        (
            "serial=IB3000123 suite=S pin=ocra counter=7 tries=5 locked=0 free=91000",
            CardInfo("IB3000123", "S", "ocra", 7, 5, False, 91000),
        ),
        ("serial= suite= pin= counter=0 tries=0 locked=1 free=1", CardInfo("", "", "", 0, 0, True, 1)),
        (
            "serial= suite= pin= counter=0 tries= locked=0 condition=error free=1",
            CardInfo("", "", "", 0, None, False, 1, condition="error"),
        ),
        (
            "serial=A suite=S pin=card counter=18446744073709551615 tries= locked=0 free=",
            CardInfo("A", "S", "card", 2**64 - 1, None, False, None),
        ),
    ],
)
def test_info(client: CardClient, card: Card, said: str, info: CardInfo) -> None:
    card.answers["info"] = f"ok {said}"
    assert client.info() == info


def test_display_and_entropy(client: CardClient, card: Card) -> None:
    card.answers["display"] = "ok text=FAIL%201"
    assert client.display() == "FAIL 1"
    assert client.entropy() == b"\x5a" * 32
    card.answers["entropy"] = "ok bytes=00ff"
    assert client.entropy(2) == b"\x00\xff"
    assert card.asked[-1][2] == "n=2"


def test_keys_are_typed_in_order_and_the_display_is_read(client: CardClient, card: Card) -> None:
    assert client.enter("12") == "CHALLNG>"
    client.press("PRESS", "C")
    assert [values for _, word, values in card.asked if word == "key"] == ["k=1", "k=2", "k=OK", "k=PRESS", "k=C"]


def test_a_profile_is_staged_in_short_lines_and_then_written(client: CardClient, card: Card, port: FakePort) -> None:
    client.personalize(replace(PROFILE, pin_policy="card", code="1234", tries=3, counter=2**64 - 2, suite="%" * 48))
    assert card.words == ["cancel", "set", "set", "set", "personalize"], "earlier values are discarded first"
    values = dict(value.split("=") for _, word, line in card.asked for value in line.split())
    assert values == {
        "serial": "IB3000123",
        "suite": "%25" * 48,
        "key": KEY.hex(),
        "pin": "card",
        "code": "1234",
        "tries": "3",
        "counter": "18446744073709551614",
    }
    assert max(map(len, port.written.split(b"\n"))) <= 240


def test_a_profile_without_a_pin_of_its_own_sets_none(client: CardClient, card: Card) -> None:
    client.personalize(PROFILE)
    assert card.asked[1][2] == "serial=IB3000123 pin=ocra counter=0"


def test_a_refusal_is_a_card_error_with_its_words(client: CardClient, card: Card) -> None:
    card.answers["challenge"] = "err state card is off%1b[2J"
    with pytest.raises(CardError) as caught:
        client.challenge("482913")
    assert (caught.value.code, caught.value.text) == ("state", "card is off?[2J")


def test_a_refused_field_ends_the_personalization(client: CardClient, card: Card) -> None:
    card.answers["set"] = f"err bad-arg key {KEY.hex()} is not hex"
    with pytest.raises(CardError) as caught:
        client.personalize(PROFILE)
    assert card.words == ["cancel", "set"]
    assert "a0a1a2" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda client: client.entropy(0), "n"),
        (lambda client: client.entropy(65), "n"),
        (lambda client: client.challenge(""), "question"),
        (lambda client: client.challenge("1" * 65), "question"),
        (lambda client: client.challenge("48\n"), "question"),
        (lambda client: client.key("ok"), "key"),
        (lambda client: client.press("1", "123"), "key"),
        (lambda client: client.enter("12a"), "digits"),
        (lambda client: client.enter("１２"), "digits"),  # noqa: RUF001
        (lambda client: client.wait_event("wipe", float("nan")), "timeout"),
    ],
)
def test_a_wrong_argument_never_reaches_the_card(
    client: CardClient, port: FakePort, call: Callable[[CardClient], object], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        call(client)
    assert caught.value.field == field
    assert "123" not in str(caught.value)
    assert port.written == b""


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_positive_number(port: FakePort, timeout: float) -> None:
    with pytest.raises(InputError, match="timeout"):
        CardClient(port, timeout=timeout)


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        (
            "hello",
            [
                ("{nonce}", "0123456789abcdef"),
                ("nonce={nonce} ", ""),
                *(("protocol=1", f"protocol={value}") for value in "2x"),
                (" board=double", ""),
                ("double", "%1b[2J"),
            ],
        ),
        (
            "info",
            [
                *((f" {name}=", " x=") for name in ("suite", "pin", "tries", "locked", "free")),
                *(("counter=7", f"counter={value}") for value in ("seven", "-7", "", str(2**64), "%d9%a7", "9" * 90)),
                ("tries=5", "tries=10"),
                ("locked=0", "locked=2"),
                ("pin=ocra", "pin=none"),
            ],
        ),
        ("display", [(" text=CHALLNG>", ""), ("CHALLNG>", "123456789"), ("CHALLNG>", "A%07")]),
        ("entropy", [(" bytes=" + "5a" * 32, ""), *(("5a" * 32, wrong) for wrong in ("5a" * 31, "5a" * 33, "5g" * 32))]),
        ("personalize", [("IB3000123", "OTHER"), (" serial=IB3000123", "")]),
        ("selftest", [("entropy=pass", "entropy=fail"), (" journal=pass", "")]),
    ],
)
def test_a_reply_that_breaks_its_own_rules_is_a_protocol_error(
    client: CardClient, card: Card, word: str, changes: list[tuple[str, str]]
) -> None:
    good = card.answers[word]
    for old, new in changes:
        assert old in good
        card.answers[word] = good.replace(old, new)
        with pytest.raises(ProtocolError) as caught:
            CALLS[word](client)
        assert "5a5a" not in str(caught.value)
    card.answers[word] = good
    CALLS[word](client)


@pytest.mark.usefixtures("one_numbering")
def test_nothing_shows_the_key_or_the_pin(port: FakePort, card: Card) -> None:
    log: list[tuple[str, bytes]] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, line: log.append((direction, line)))
    card.line = lambda data: port.deliver(b">>> >1 set key=" + KEY.hex().encode() + b"\r\n" + data)
    client.personalize(LOCKING)
    client.press("9", "8")
    client.entropy()
    assert [direction for direction, _ in log].count("sent") == 9
    everything = f"{log!r} {LOCKING!r} {client!r}"
    secrets = (KEY.hex()[:12], UNLOCK_KEY.hex()[:12], "9876", "k=9", "k=8", "5a5a5a", repr(KEY), repr(UNLOCK_KEY))
    assert not any(secret in everything for secret in secrets)
    assert any(line.endswith(b" key=*****--------") for _, line in log)


def test_a_transcript_holds_both_directions_in_order(port: FakePort, card: Card) -> None:
    log: list[tuple[str, bytes]] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, line: log.append((direction, line)))
    client.display()
    number = card.asked[0][0]
    assert log == [
        ("sent", checked(f">{number} display")),
        ("received", checked(f"<{number} ok text=CHALLNG>")),
    ]


def test_the_unlock_key_is_set_on_a_line_of_its_own(client: CardClient, card: Card, port: FakePort) -> None:
    client.personalize(replace(LOCKING, key=bytes(64), suite="%" * 48))
    assert card.words == ["cancel", "set", "set", "set", "set", "personalize"]
    assert [values for _, _, values in card.asked if "unlock" in values] == [f"unlock={UNLOCK_KEY.hex()}"]
    assert max(map(len, port.written.split(b"\n"))) <= 240


def test_a_profile_without_an_unlock_key_sets_none(client: CardClient, card: Card) -> None:
    client.personalize(replace(LOCKING, unlock_key=None))
    assert "unlock" not in repr(card.asked)


def test_a_card_that_refuses_the_unlock_key_is_not_personalized(client: CardClient, card: Card) -> None:
    answer = card.answers
    card.line = lambda data: card.port.deliver(data)
    reply = card.reply

    def refuse(number: int, word: str, values: dict[str, str]) -> bytes:
        answer["set"] = "err bad-arg unlock: no such field" if "unlock" in values else "ok"
        return reply(number, word, values)

    card.reply = refuse  # type: ignore[method-assign]
    with pytest.raises(CardError, match="unlock: no such field"):
        client.personalize(LOCKING)
    assert "personalize" not in card.words


INFO = "ok serial=A suite=S pin=card counter=0 tries=0 locked=1 free="


@pytest.mark.parametrize(
    ("said", "tries"), [(" unlock=10", 10), (" unlock=1", 1), (" unlock=0", 0), (" unlock=", None), ("", None)]
)
def test_the_unlock_codes_left(client: CardClient, card: Card, said: str, tries: int | None) -> None:
    card.answers["info"] = INFO + said
    assert client.info().unlock_tries == tries


@pytest.mark.parametrize("said", ["11", "-1", "x", "1.0", "%20", "%d9%a1"])
def test_what_is_no_number_of_unlock_codes(client: CardClient, card: Card, said: str) -> None:
    card.answers["info"] = f"{INFO} unlock={said}"
    with pytest.raises(ProtocolError, match="has a unlock that is not a number from 0 to 10"):
        client.info()
