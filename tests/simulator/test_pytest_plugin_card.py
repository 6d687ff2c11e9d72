"""The plugin's card, without pytest around it: logins, faults, the diary, and `simulated_card`."""

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import serial
from tests.firmware.fakes import frame

from dsc_host import CardClient, CardNotFound, LinkClosed, LinkTimeout, Suite
from dsc_simulator import SimulatorError
from dsc_simulator.pytest_plugin.diary import MOST_KEYS, MOST_LINES, Diary, mask
from dsc_simulator.pytest_plugin.faults import LineNoise, Unplugged
from dsc_simulator.pytest_plugin.fixtures import SUITE, CardRefused, SimulatedToken, simulated_card


@pytest.fixture
def card(engine: str) -> SimulatedToken:
    return SimulatedToken(engine=engine)


def test_a_login_gives_what_the_suite_says(card: SimulatedToken) -> None:
    suite = Suite.parse(SUITE)
    for counter, pin in enumerate([card.pin, card.wrong_pin, card.pin]):
        expected = suite.response(card.profile.key, "482913", counter=counter, pin=pin)
        assert card.login("482913", pin=pin) == card.display == expected


def test_drift_uses_up_counters(card: SimulatedToken) -> None:
    card.drift(3)
    assert card.display == ""
    assert card.login("000016") == Suite.parse(SUITE).response(card.profile.key, "000016", counter=3, pin=card.pin)


def test_the_wrong_pin_is_always_another() -> None:
    assert [SimulatedToken(pin=pin).wrong_pin for pin in ("0000", "9999")] == ["0001", "0000"]


@pytest.mark.parametrize("challenge", ["48291", "4829130", "48291a", "", "48291\N{FULLWIDTH DIGIT THREE}"])
def test_a_challenge_that_does_not_fit_is_refused_before_a_key_is_pressed(challenge: str) -> None:
    card = SimulatedToken()
    with pytest.raises(ValueError, match="challenge: must be 6 digits"):
        card.login(challenge)
    with pytest.raises(ValueError, match="key: must be one of"):
        card.press("PRESS", "ENTER")
    assert card.display == ""


def test_a_card_that_does_not_go_along_says_what_it_shows() -> None:
    blank = SimulatedToken(blank=True)
    with pytest.raises(CardRefused, match="'NO KEY', not 'PIN>'"):
        blank.login("482913")
    with pytest.raises(SimulatorError, match="made blank"):
        _ = blank.credentials
    checking = SimulatedToken(tries=2)
    with pytest.raises(CardRefused, match="'FAIL 1', not 'CHALLNG>'"):
        checking.login("482913", pin=checking.wrong_pin)
    assert len(checking.login("482913")) == 8
    last = SimulatedToken(counter=2**64 - 2)
    last.login("482913")
    with pytest.raises(CardRefused, match="'ERROR', not a response"):
        last.login("482913")


def test_a_flat_battery_lets_nobody_in_until_it_is_replaced(card: SimulatedToken) -> None:
    card.login("482913")
    card.drain_battery()
    with pytest.raises(CardRefused, match="LOBATT"):
        card.login("482913")
    card.replace_battery()
    assert len(card.login("482913")) == 8


def test_a_pulled_plug_is_noticed_by_who_is_connected_and_by_who_comes(card: SimulatedToken) -> None:
    with CardClient.open(card.url) as client, serial.serial_for_url(card.url) as port:
        card.unplug()
        with pytest.raises(LinkClosed):
            client.info()
        for use in (port.read, lambda: port.write(b"\n"), lambda: port.in_waiting):
            with pytest.raises(serial.SerialException):
                use()
        with pytest.raises(CardNotFound):
            CardClient.open(card.url)
    assert len(card.login("482913")) == 8
    card.plug_in()
    with CardClient.open(card.url) as client:
        assert client.info().counter == 1
        assert client.events() == []


def test_a_plug_pulled_while_somebody_waits_ends_the_wait() -> None:
    card = SimulatedToken()
    card.receive()
    looking, ends = threading.Event(), []

    def look() -> bool:
        looking.set()
        return False

    def wait() -> None:
        try:
            card.receive(1, timeout=60, given_up=look)
        except Unplugged as end:
            ends.append(end)

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    assert looking.wait(30)
    card.unplug()
    waiter.join(30)
    assert len(ends) == 1


def test_a_decorated_function_in_several_threads_has_a_card_for_each_call() -> None:
    @simulated_card()
    def pressed(begun: threading.Event, may_end: threading.Event, card: SimulatedToken) -> str:
        begun.set()
        assert may_end.wait(30)
        return card.press("PRESS")

    with ThreadPoolExecutor(2) as pool:
        running = []
        for _ in range(2):
            begun, may_end = threading.Event(), threading.Event()
            running.append((pool.submit(pressed, begun, may_end), may_end))
            assert begun.wait(30)
        for call, may_end in running:
            may_end.set()
            assert call.result(30) == "PIN>", "the call that began first ends first"


def test_noise_goes_both_ways_and_ends_with_its_block() -> None:
    card = SimulatedToken()
    card.receive()
    with card.noise(drop=1):
        card.send(b">1 hello\n")
        card.press("PRESS")
        assert card.receive() == b""
        with card.noise():
            card.send(b">2 display\n")
            assert card.receive().startswith(b"<2 ok")
        card.send(b">3 display\n")
        assert card.receive() == b""
    card.send(b">1 display\n")
    assert card.receive().startswith(b"<1 ok text=PIN>*")


def test_on_a_slightly_noisy_line_a_client_gets_right_answers_or_none() -> None:
    card, answers = SimulatedToken(), []
    with CardClient.open(card.url, timeout=0.05) as client, card.noise(drop=0.003, corrupt=0.003, garbage=0.003, seed=4):
        for _ in range(8):
            try:
                answers.append(client.info().serial)
            except LinkTimeout:
                answers.append(None)
    assert set(answers) <= {card.serial, None}
    assert card.serial in answers
    assert "damaged: " in card.report()


DATA = bytes(range(256)) * 8


@pytest.mark.parametrize("fault", ["drop", "corrupt", "garbage"])
def test_noise_is_as_strong_as_asked_and_the_same_each_time(fault: str) -> None:
    spoiled = LineNoise(**{fault: 0.25}).spoil(DATA)
    assert spoiled == LineNoise(**{fault: 0.25}).spoil(DATA)
    assert spoiled != LineNoise(**{fault: 0.25}, seed=2).spoil(DATA)
    if fault == "corrupt":
        flips = [(one ^ other).bit_count() for one, other in zip(spoiled, DATA, strict=True)]
        assert set(flips) == {0, 1}
        changed = sum(flips)
    else:
        changed = (len(spoiled) - len(DATA)) * (-1 if fault == "drop" else 1)
    assert 0.2 < changed / len(DATA) < 0.3


def test_no_noise_changes_nothing_and_an_impossible_one_is_named() -> None:
    assert LineNoise().spoil(DATA) == DATA
    assert LineNoise(drop=1, corrupt=1).spoil(DATA) == b""
    for name in ("drop", "corrupt", "garbage"):
        with pytest.raises(ValueError, match=f"{name}: must be a probability"):
            LineNoise(**{name: 1.1})


def checked(body: str) -> bytes:
    return frame(body).rstrip()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (checked(">7 challenge q=482913"), ">7 challenge q=482913"),
        (checked(">7 key k=4"), ">7 key k=****"),
        (checked(">7 key k=OK"), ">7 key k=OK"),
        (checked(">7 set code=1234 serial=A-1 unlock=%30%31 key=00ff"), ">7 set code=**** serial=A-1 unlock=**** key=****"),
        (checked("<7 ok bytes=00ff"), "<7 ok bytes=****"),
        (checked("<7 ok serial=A-1 unlock=10 free="), "<7 ok serial=A-1 unlock=10 free="),
        (checked(">7 set serial=" + "0f" * 16), ">7 set serial=****"),
        (b">7 hello nonce=12", ">7 hello nonce=12"),
        (b">7 info", ">7 info"),
        (b">7 set key=00ff", "damaged: >* set key=*"),
        (checked(">7 key k=4")[:-1] + b"x", "damaged: >* key k=**" + "*x"),
        (checked(">7 set code=1234").replace(b"code=12", b"co\x80e=12"), "damaged: >* set co\\x80e=**" + "*"),
    ],
)
def test_a_line_is_shown_without_its_secrets(line: bytes, shown: str) -> None:
    assert mask(line) == shown


def test_the_diary_is_bounded_and_says_what_it_left_out() -> None:
    diary = Diary(lambda: 0)
    for _ in range(MOST_KEYS + 5):
        diary.key("OK", "")
    for _ in range(MOST_LINES + 7):
        diary.line("in", b">1 in")
        diary.line("in", b"fo\r\n")
    diary.line("out", b"x" * 100_000)
    report = diary.report(" " * 8)
    assert report.count("OK") == MOST_KEYS
    assert "keys: (5 earlier) OK" in report
    assert report.count(">1 info") == MOST_LINES
    assert "(7 earlier lines)" in report
    assert len(report) < 10_000


def test_pin_digits_are_starred_also_after_a_wrong_one_and_others_are_not() -> None:
    card = SimulatedToken(pin="5837", tries=3)
    card.press("7", "PRESS", *"9999", "OK", *"5837", "OK", *"482913", "C")
    assert "keys: * PRESS * * * * OK * * * * OK 4 8 2 9 1 3 C\n" in card.report()
    typed_while_off = SimulatedToken(pin="5837")
    typed_while_off.enter("5837")
    assert "keys: * * * * OK\n" in typed_while_off.report()


def test_a_decorated_test_gets_a_fresh_card_each_time_and_it_is_closed() -> None:
    cards = []

    @simulated_card(pin="4711")
    def test(number: int, card: SimulatedToken) -> int:
        assert not card.closed
        cards.append(card)
        return number

    assert (test(1), test(2)) == (1, 2)
    assert [card.pin for card in cards] == ["4711", "4711"]
    assert cards[0] is not cards[1]
    assert [card.closed for card in cards] == [True, True]


def test_what_fails_carries_the_report() -> None:
    @simulated_card()
    def test(card: SimulatedToken) -> None:
        card.press("PRESS")
        raise AssertionError

    with pytest.raises(AssertionError) as failure:
        test()
    assert "keys: PRESS" in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pni": "1"}, "no such option: pni; the options are pin, "),
        ({"blank": True, "pin": "4711", "serial": "A"}, "a blank card has no pin, serial"),
        ({"pin": 4711}, "pin: must be text, not int"),
        ({"suite": None}, "suite: must be text, not NoneType"),
        ({"serial": 5}, "serial: must be text, not int"),
        ({"key": "00ff"}, "key: must be bytes, not str"),
        ({"unlock_key": "00ff"}, "unlock_key: must be bytes, not str"),
        ({"counter": "7"}, "counter: must be a whole number, not str"),
        ({"tries": True}, "tries: must be a whole number, not bool"),
        ({"seed": [1]}, "seed: must be a whole number, not list"),
        ({"blank": "no"}, "blank: must be True or False, not str"),
    ],
)
def test_a_wrong_option_is_named_at_once(options: dict[str, Any], words: str) -> None:
    for make in (simulated_card, SimulatedToken):
        with pytest.raises(TypeError, match=f"^dsc_card: {words}"):
            make(**options)


def test_what_it_cannot_decorate_it_says() -> None:
    async def later(card: SimulatedToken) -> None: ...

    for test in (later, SimulatedToken):
        with pytest.raises(TypeError, match="write `with simulated_card"):
            simulated_card()(test)
