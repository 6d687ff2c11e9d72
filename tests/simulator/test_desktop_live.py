"""The desktop program without its screen: real time, the line's record, what comes next, what is inside, and making a card."""

import re

import pytest
from tests.simulator.living import Watch, nowhere

from dsc_host import CardClient, LinkTimeout
from dsc_simulator.desktop.live import InProcessPort, LiveCard
from dsc_simulator.desktop.making import Wish, make


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


def test_what_the_card_says_of_itself_is_told_to_nobody_else(live: LiveCard) -> None:
    heard = bytearray()
    live.listen(heard.extend)
    spoken = list(live.spoken)
    live.press("PRESS")
    live.facts()
    assert heard.count(b"\n") == 1
    assert len(live.spoken) == len(spoken) + 1
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
    make(blank, Wish("C-1", "7391", "7391", "card", enrol=False), nowhere)
    blank.press("PRESS", *"7391", "OK", *"482913", "OK")
    response = blank.display
    said = "\n".join(spoken.text for spoken in blank.spoken)
    assert re.search("[0-9a-f]{17,}", said) is None
    assert "code=****" in said
    assert "key=****" in said
    assert "7391" not in said
    assert len(response) == 8
    assert response not in said
    assert "!1 display" in said or "display text=" in said


def test_a_line_holds_nothing_that_a_terminal_would_obey(live: LiveCard) -> None:
    live.send(b"\x1b[2J\x07\x00\xe9 hello\n")
    assert live.spoken[-1].text == ".[2J..\\xe9 hello"


def test_noise_without_end_is_not_kept(live: LiveCard) -> None:
    for _ in range(100):
        live.send(b"x" * 1000)
    live.send(b"\n")
    assert max(len(spoken.text) for spoken in live.spoken) <= 240
    for number in range(2000):
        live.send(b"\n>%d hello\n" % number)
    assert len(live.spoken) == 500


def test_a_client_in_this_program(live: LiveCard) -> None:
    with CardClient(InProcessPort(live), timeout=20) as client:
        assert client.info().serial == "A-1"
        with pytest.raises(LinkTimeout):
            client.wait_event("wipe", 0.05)
        live.press("PRESS")
        assert client.wait_event("display", 1).values == {"text": "PIN>"}
