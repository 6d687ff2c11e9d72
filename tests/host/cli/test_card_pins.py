"""PINs of cards that were imported without a PIN: set one by one, from a file, or drawn and printed once."""

import json
from pathlib import Path

import pytest
from tests.host.command_runner import KEY, PIN, SUITE, Command, challenge

from dsc_host import Suite

SERIALS = ("AB1", "AB2", "AB3")


@pytest.fixture
def desk(dscplus: Command) -> Command:
    """Return the command, with three cards that await their PIN."""
    dscplus.with_records()
    file = dscplus.folder / "tokens.csv"
    file.write_text("serial,seed,suite\n" + "".join(f"{serial},{KEY.hex()},{SUITE}\n" for serial in SERIALS))
    done = dscplus("import", str(file), "--allow-plain", "--json")
    assert (done.code, json.loads(done.out)["cards"]) == (0, 3)
    assert "Cards that await their PIN: 3. Set the PINs with dscplus card pin set" in done.err
    return dscplus


def pins(desk: Command, text: str) -> Path:
    path = desk.folder / "pins.csv"
    path.write_text(text)
    return path


def is_accepted(desk: Command, serial: str, pin: str) -> bool:
    identity, question = challenge(desk, serial)
    return desk("verify", identity, Suite.parse(SUITE).response(KEY, question, counter=0, pin=pin)).code == 0


def test_a_card_is_accepted_once_its_pin_is_set(desk: Command) -> None:
    assert not is_accepted(desk, "AB1", PIN)
    assert json.loads(desk("card", "show", "AB1", "--json").out)["awaits_pin"] is True
    assert desk("card", "pin", "set", "AB1", stdin=f"{PIN}\n").code == 0
    assert is_accepted(desk, "AB1", PIN)
    assert "awaits no PIN" in desk.refused("card", "pin", "set", "AB1", stdin="4321\n", code=1)


def test_a_file_sets_many_and_names_the_others(desk: Command) -> None:
    file = pins(desk, f"serial,pin\nAB1,{PIN}\nAB2,12345\nAB9,1234\nAB3,4321\nAB1,0000\n")
    done = desk("card", "pin", "set", "--file", str(file), "--json")
    assert (done.code, json.loads(done.out), done.error) == (1, {"cards": 2, "left_out": 3}, "rows left out: 3")
    told = [line for line in done.err.splitlines() if line.startswith("left out: line")]
    assert [line.split(": ")[1:3] for line in told] == [
        ["line 3, card AB2", "pin"],
        ["line 4, card AB9", "card"],
        ["line 6, card AB1", "card"],
    ]
    assert "12345" not in done.err
    assert is_accepted(desk, "AB3", "4321")


def test_a_file_that_is_no_list_of_pins_changes_nothing(desk: Command) -> None:
    assert "must name the columns, each once: serial and pin;" in desk.refused(
        "card", "pin", "set", "--file", str(pins(desk, "serial\nAB1\n"))
    )


def test_pins_are_drawn_and_printed_once(desk: Command) -> None:
    assert desk("card", "pin", "set", "AB1", stdin=f"{PIN}\n").code == 0
    drawn = json.loads(desk("card", "pin", "draw", "--all", "--json").out)
    assert [each["serial"] for each in drawn] == ["AB2", "AB3"]
    assert is_accepted(desk, "AB2", drawn[0]["pin"])
    assert json.loads(desk("card", "pin", "draw", "--all", "--json").out) == []


def test_what_was_drawn_is_printed_although_the_next_card_cannot_be(desk: Command) -> None:
    done = desk("card", "pin", "draw", "AB1", "NONE")
    assert (done.code, done.out.split()[:3]) == (1, ["SERIAL", "PIN", "AB1"])
    assert is_accepted(desk, "AB1", done.out.split()[3])


def test_nothing_is_said_about_other_cards_if_one_is_unknown(desk: Command) -> None:
    assert desk("card", "pin", "draw", "NONE").err == "Error: card NONE: is not enrolled\n"


@pytest.mark.parametrize("arguments", [("set",), ("set", "AB1", "--file", "x.csv"), ("draw",), ("draw", "AB1", "--all")])
def test_either_cards_or_all_are_named(desk: Command, arguments: tuple[str, ...]) -> None:
    assert desk.refused("card", "pin", *arguments).startswith("serial: give")


def test_an_id_alone_still_changes_a_pin(desk: Command) -> None:
    identity, question = challenge(desk, "AB1")
    response = Suite.parse(SUITE).response(KEY, question, counter=0, pin="4321")
    assert json.loads(desk("card", "pin", "--json", identity, stdin=f"4321\n{response}\n").out) == {"accepted": True}
