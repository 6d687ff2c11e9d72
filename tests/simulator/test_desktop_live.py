"""The desktop program without its screen: real time, the line's record, hints, the inside of a card, making a card."""

import re
from contextlib import AbstractContextManager, nullcontext

import pytest
from tests.simulator.live_cards import KEY, UNLOCK_KEY, Watch, checking_card, nowhere

from dsc_host import CardClient, CardError, InputError, LinkTimeout, MasterKey, Suite, UnknownCard, Verifier
from dsc_simulator.desktop import inspection
from dsc_simulator.desktop.card_setup import CardData, make, random_serial
from dsc_simulator.desktop.hints import next_step, question_digits
from dsc_simulator.desktop.live_card import InProcessPort, LiveCard


def test_time_passes_as_it_passes_outside_and_no_part_of_a_millisecond_is_lost(live: LiveCard, watch: Watch) -> None:
    live.press("PRESS")
    for _ in range(2900):
        watch.now += 0.0103
        live.tick()
    assert live.display == "PIN>"
    for _ in range(14):
        watch.now += 0.0103
        live.tick()
    assert live.display == ""
    assert live.seconds == pytest.approx(2914 * 0.0103, abs=0.001)


def test_a_key_comes_at_its_time_even_if_nobody_looked_meanwhile(live: LiveCard, watch: Watch) -> None:
    live.press("PRESS")
    watch.now += 31
    live.press("1")
    assert live.display == "", "the card was off already"


def test_it_need_be_looked_at_only_while_it_is_on(live: LiveCard) -> None:
    assert live.next_tick is None
    live.press("PRESS")
    assert live.next_tick == 0.25
    live.pause(True)
    assert live.next_tick is None


def test_time_that_stands_still(live: LiveCard, watch: Watch) -> None:
    live.press("PRESS")
    watch.now += 20
    live.pause(True)
    watch.now += 1000
    live.press("1")
    assert live.display == "PIN>*"
    live.pause(False)
    watch.now += 29
    live.tick()
    assert (live.display, live.seconds) == ("PIN>*", 49)


def test_time_that_passes_at_once(live: LiveCard) -> None:
    live.press("PRESS")
    live.advance(10)
    assert (live.display, live.seconds) == ("PIN>", 10)
    live.advance_to_off()
    assert (live.display, live.seconds) == ("", 30)
    live.advance_to_off()
    assert live.seconds == 31, "a card that is off does not go on to wait"


def test_only_what_is_new_is_said(live: LiveCard, watch: Watch) -> None:
    said: list[str] = []
    live.changed = lambda: said.append(live.display)
    live.press("PRESS")
    watch.now += 1
    live.tick()
    assert said == ["PIN>"]
    watch.now += 30
    live.tick()
    assert said == ["PIN>", ""]


@pytest.mark.usefixtures("engine")
def test_a_firmware_that_stops_is_told_and_a_restart_gets_over_it(live: LiveCard, watch: Watch) -> None:
    live.card.cut_power(0)
    live.press("PRESS", *"1234", "OK", *"482913", "OK")
    assert "power failed" in live.trouble or "power" in live.trouble
    assert (live.display, live.next_tick) == ("", None)
    watch.now += 60
    live.tick()
    live.press("PRESS")
    live.send(b"\n>1 hello\n")
    assert live.trouble
    live.restart()
    live.press("PRESS")
    assert (live.trouble, live.display) == ("", "PIN>")


def test_everybody_who_listens_hears_the_card(live: LiveCard) -> None:
    one, two = bytearray(), bytearray()
    stop = live.listen(one.extend)
    live.listen(two.extend)
    live.press("PRESS")
    stop()
    stop()
    live.press("1")
    assert one.startswith(b"!1 display text=PIN>*")
    assert two.startswith(bytes(one))
    assert len(two) > len(one)


def test_the_same_listener_twice_hears_all_twice_until_each_ends(live: LiveCard) -> None:
    heard = bytearray()
    stop, _ = live.listen(heard.extend), live.listen(heard.extend)
    live.press("PRESS")
    assert heard.count(b"text=PIN>") == 2
    stop()
    stop()
    live.press("1")
    assert heard.count(b"text=PIN>") == 3


def test_what_the_card_says_of_itself_is_told_to_nobody_else(live: LiveCard) -> None:
    heard = bytearray()
    live.listen(heard.extend)
    traffic = list(live.traffic)
    live.press("PRESS")
    live.facts()
    assert heard.count(b"\n") == 1
    assert len(live.traffic) == len(traffic) + 1
    facts = live.facts()
    assert (facts["state"], facts["serial"], facts["counter"], facts["pin"]) == ("pin", "A-1", "0", "ocra")


def test_a_line_that_somebody_has_begun_is_not_broken(live: LiveCard) -> None:
    heard = bytearray()
    live.listen(heard.extend)
    assert live.facts()["state"] == "off"
    live.send(b"\n>1 dis")
    live.press("PRESS")
    assert live.facts()["state"] == "off", "as it was before"
    live.send(b"play\n")
    assert b"<1 ok text=PIN>*" in heard
    assert live.facts()["state"] == "pin"


@pytest.mark.usefixtures("one_numbering")
def test_the_record_of_the_line_holds_no_secret(blank: LiveCard) -> None:
    make(blank, CardData("C-1", "7391", "7391", "card", enroll=False), nowhere)
    blank.press("PRESS", *"7391", "OK", *"482913", "OK")
    response = blank.display
    said = "\n".join(line.text for line in blank.traffic)
    assert re.search("[0-9a-f]{17,}", said) is None
    assert "code=****" in said
    assert "key=****" in said
    assert "7391" not in said
    assert len(response) == 8
    assert response not in said
    assert "!1 display" in said or "display text=" in said


def test_a_piece_of_a_line_with_a_secret_is_masked(blank: LiveCard) -> None:
    blank.send(b">1 Hello\n>2 set key=00112233445566778899\n>3 hello\n")  # Another host's line interrupts the line.
    blank.send(b"aabbccddee*01234567\n")
    texts = [line.text for line in blank.traffic if line.to_card]
    assert texts == [">1 Hello", ">* s*t k*y=****", ">3 hello", "***********" + "*" * 8]


def test_a_line_holds_nothing_that_a_terminal_would_obey(live: LiveCard) -> None:
    live.send(b"\x1b[2J\x07\x00\xe9 hello\n")
    assert live.traffic[-1].text == ".[2J..\\xe9 hello"


def test_noise_without_end_is_not_kept(live: LiveCard) -> None:
    for _ in range(100):
        live.send(b"x" * 1000)
    live.send(b"\n")
    assert max(len(spoken.text) for spoken in live.traffic) <= 240
    for number in range(2000):
        live.send(b"\n>%d hello\n" % number)
    assert len(live.traffic) == 500


def test_a_client_in_this_program(live: LiveCard) -> None:
    with CardClient(InProcessPort(live), timeout=20) as client:
        assert client.info().serial == "A-1"
        with pytest.raises(LinkTimeout):
            client.wait_event("wipe", 0.05)
        live.press("PRESS")
        assert client.wait_event("display", 1).values == {"text": "PIN>"}


def steps(live: LiveCard, *keys: str) -> list[str]:
    """Return the hint at first and after each key, without repetitions."""
    said = [next_step(live.display, live.facts())]
    for key in keys:
        live.press(key)
        step = next_step(live.display, live.facts())
        if step != said[-1]:
            said.append(step)
    return said


def test_a_person_is_led_through_a_login(live: LiveCard) -> None:
    assert steps(live, "PRESS", *"1234", "OK", *"482913", "OK", "OK") == [
        "Hold PRESS (p) to switch the card on.",
        "Type your PIN, 4 digits, then OK.",
        "Type 3 digits more, then OK.",
        "Type 2 digits more, then OK.",
        "Type 1 digit more, then OK.",
        "Press OK (Enter). C (Backspace) erases a digit.",
        "Type the challenge from the login page, 6 digits, then OK.\nNo page? In another terminal: dscplus challenge A-1",
        *(f"Type {n} digit{'s' if n > 1 else ''} more, then OK." for n in (5, 4, 3, 2, 1)),
        "Is this the challenge on the page? Then press OK (Enter). C (Backspace) erases a digit.",
        "Type this response into the login page. OK (Enter) switches the card off.",
        "Hold PRESS (p) to switch the card on.",
    ]


def test_a_person_is_led_out_of_a_lock() -> None:
    with checking_card() as live:
        assert steps(live, "PRESS", *"0000", "OK")[-1] == ("That PIN was wrong. This is your last try. Type your PIN, then OK.")
        locked = "Too many wrong PINs. OK (Enter) shows a challenge for a code that unlocks the card."
        assert steps(live, *"0000", "OK")[-1] == locked
        asked = steps(live, "OK")[-1]
        assert asked == f"Get the code from: dscplus card unlock-code B-1 {live.display}\nThen press OK (Enter)."
        wait = "That code was wrong. Wait until the card accepts another code."
        assert steps(live, "OK", *"00000000", "OK")[-1] == wait
        live.advance(30)
        live.press("PRESS", "OK")
        code = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06").response(UNLOCK_KEY, live.display)
        assert steps(live, "OK")[-1] == "Type the code that unlocks the card, 8 digits, then OK."
        assert steps(live, *code[:7])[-1] == "Type the code that unlocks the card, 1 digit more, then OK."
        assert steps(live, code[7])[-1] == "Press OK (Enter). C (Backspace) erases a digit."
        assert steps(live, "OK")[-1] == "Type your PIN, 4 digits, then OK."


def test_a_person_is_told_what_a_program_asks(live: LiveCard) -> None:
    with CardClient(InProcessPort(live)) as client:
        client.wipe()
    assert steps(live)[-1].startswith("A program asks to make this card blank. OK (Enter) agrees")
    assert steps(live, "OK")[-1].startswith("This card is blank. Press n to give it a key and a PIN")


def test_a_blank_card_and_a_broken_one(blank: LiveCard) -> None:
    assert steps(blank, "PRESS") == [
        "This card is blank. Press n to give it a key and a PIN.",
        "This card is blank. Press n to give it a key and a PIN, or p to switch it off.",
    ]
    blank.card.flash.slots[:] = [b"damaged", b"damaged"]
    blank.restart()
    assert steps(blank, "PRESS") == [
        "The record, the flash or the source of random numbers is faulty. Nothing was erased.",
        "Hold PRESS (p) to switch the card on.",
    ]


def test_every_state_has_a_step() -> None:
    from dsc_firmware import states

    for state in states.STATES:
        assert next_step("", {"state": state}) != next_step("", {"state": "no such state"}), state


@pytest.mark.parametrize(
    ("suite", "digits"), [("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", 6), ("OCRA-1:HOTP-SHA1-6:QN64", 64), ("", 6)]
)
def test_how_long_a_question_is(suite: str, digits: int) -> None:
    assert question_digits(suite) == digits


def test_the_flash_hides_what_is_secret_unless_asked(live: LiveCard) -> None:
    flash = live.card.flash
    hidden = "\n".join(inspection.flash_lines(flash))
    shown = "\n".join(inspection.flash_lines(flash, secrets=True))
    assert "slot 0: epoch 1, a card, counter 0" in hidden
    assert KEY.hex() in shown
    assert KEY.hex() not in hidden
    bytes_of = re.findall(r"^  [0-9a-f]{3}  (.*)$", hidden, re.MULTILINE)
    slot = " ".join(bytes_of[: len(bytes_of) // 2]).split()
    assert len(slot) == 209
    stored = flash.slots[0]
    assert stored is not None
    assert [one for one in slot if one != "··"] == [f"{byte:02x}" for byte in stored[:93]]


@pytest.mark.parametrize("slot", [b"", KEY, b"DSC1" + KEY])
def test_of_a_damaged_slot_no_byte_is_shown(live: LiveCard, slot: bytes) -> None:
    live.card.flash.slots[0] = slot
    assert inspection.flash_lines(live.card.flash)[0] == f"slot 0: damaged, {len(slot)} bytes"
    assert "00 01 02" not in "\n".join(inspection.flash_lines(live.card.flash)[:2])


def test_the_state_is_told_in_two_columns_where_they_fit(live: LiveCard) -> None:
    wide = inspection.state_lines(live.facts(), live.interpreter, wide=True)
    narrow = inspection.state_lines(live.facts(), live.interpreter, wide=False)
    assert re.fullmatch("serial  A-1 +tries left    -", wide[1])
    assert max(map(len, wide[:4])) <= 72
    assert (len(wide), len(narrow)) == (5, 9)
    assert sorted(" ".join(narrow).split()) == sorted(" ".join(wide).split())
    assert narrow[-1].startswith("firmware 0.")


@pytest.mark.parametrize("policy", ["ocra", "card"])
def test_a_card_that_is_made_and_enrolled_logs_in(blank: LiveCard, policy: str) -> None:
    with Verifier.open("sqlite://", master_key=MasterKey.generate()) as verifier:
        serial = random_serial()
        make(blank, CardData(serial, "1234", "1234", policy), lambda: nullcontext(verifier))
        challenge = verifier.challenge(serial)
        blank.press("PRESS", *"1234", "OK", *challenge.question, "OK")
        assert verifier.verify(challenge.id, blank.display).accepted
        assert blank.facts()["unlock"] == ("10" if policy == "card" else "")


def test_a_card_that_refuses_is_not_enrolled(live: LiveCard, blank: LiveCard, monkeypatch: pytest.MonkeyPatch) -> None:
    def worn_out(*_: object) -> None:
        raise OSError("worn out")

    with Verifier.open("sqlite://", master_key=MasterKey.generate()) as verifier:

        def opened() -> AbstractContextManager[Verifier]:
            return nullcontext(verifier)

        with pytest.raises(InputError, match="is already personalized as A-1"):
            make(live, CardData("C-1", "1234", "1234"), opened)
        monkeypatch.setattr(blank.card.flash, "write", worn_out)
        with pytest.raises(CardError, match="fault"):
            make(blank, CardData("C-1", "1234", "1234"), opened)
        with pytest.raises(UnknownCard):
            verifier.challenge("C-1")


@pytest.mark.parametrize(
    ("serial", "pin", "again", "words"),
    [
        ("C-1", "123", "123", "PIN: must be 4 digits"),
        ("C-1", "12a4", "12a4", "PIN: must be 4 digits"),
        ("C-1", "١٢٣٤", "١٢٣٤", "PIN: must be 4 digits"),
        ("C-1", "1234", "1243", "PIN: must be the same both times"),
        ("c-1", "1234", "1234", "serial: must be 1 to 16"),
        ("", "1234", "1234", "serial: must be 1 to 16"),
    ],
)
def test_a_wish_that_cannot_be(serial: str, pin: str, again: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        CardData(serial, pin, again)
    assert pin not in str(refused.value)


def test_a_wish_does_not_tell_its_pin() -> None:
    assert "1234" not in repr(CardData("C-1", "1234", "1234"))
