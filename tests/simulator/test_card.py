"""The promises of SimulatedCard, also when the power fails at a chosen moment."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.firmware.fakes import INTERPRETERS, KEY, frame

from dsc_firmware.journal import SIZE
from dsc_host import Suite
from dsc_simulator import CardOff, FirmwareCrash, Flash, PowerCut, Profile, SimulatedCard, SimulatorError

PIN, QUESTION = "1234", "482913"


@pytest.fixture
def card(engine: str, profile: Profile) -> Iterator[SimulatedCard]:
    with SimulatedCard(engine=engine, profile=profile) as made:
        yield made


def expected(profile: Profile, counter: int = 0) -> str:
    return Suite.parse(profile.suite).response(profile.key, QUESTION, counter=counter, pin=PIN)


def login(card: SimulatedCard) -> str:
    response = card.press("PRESS", *PIN, "OK", *QUESTION, "OK")
    card.press("OK")
    return response


def test_a_flash_goes_from_one_engine_to_the_other(engine: str, profile: Profile) -> None:
    flash = profile.flash()
    for counter, name in enumerate([engine, "cpython", engine]):
        with SimulatedCard(engine=name, flash=flash) as card:
            assert login(card) == expected(profile, counter)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"profile": Profile("A", bytes(32)), "flash": Flash()}, "profile, flash"),
        ({"engine": "jython"}, r"cpython, micropython, not 'jython'"),
    ],
)
def test_options_that_make_no_card_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SimulatorError, match=words):
        SimulatedCard(**options)


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_a_time_that_cannot_pass_is_refused(card: SimulatedCard, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^seconds: must be 0 or more, and finite"):
        card.advance(seconds)


def test_an_unknown_key_is_refused_before_any_key_is_pressed(card: SimulatedCard) -> None:
    with pytest.raises(ValueError, match="PRESS, not 'x'"):
        card.press("PRESS", "1", "x")
    assert card.display == ""
    card.press("PRESS")
    with pytest.raises(ValueError, match="not 'a'"):
        card.enter("12a4")
    assert card.display == "PIN>"


def test_time_does_not_pass_by_itself_and_never_backwards(card: SimulatedCard) -> None:
    card.press("PRESS")
    with pytest.raises(ValueError, match="seconds"):
        card.advance(-0.001)
    assert card.advance(0) == "PIN>"
    assert card.advance(29.999) == "PIN>"
    assert card.advance(0.001) == ""


@pytest.mark.parametrize("seconds", [31, 2.0**20, 2.0**21])
def test_however_far_time_moves_the_card_turns_off_when_it_is_due(card: SimulatedCard, seconds: float) -> None:
    card.press("PRESS")
    told_at: list[int] = []
    card.watch(lambda direction, data: told_at.append(card.board.clock.now_ms))
    assert card.advance(seconds) == ""
    assert told_at == [30_000]
    assert card.board.clock.now_ms == seconds * 1000


def test_the_same_seed_gives_the_same_entropy_and_another_another(engine: str) -> None:
    def entropy(seed: int | None) -> bytes:
        with SimulatedCard(engine=engine, seed=seed) as card:
            card.receive()
            card.send(frame(">1 entropy n=32"))
            assert card.waiting > 0
            return card.receive()

    assert entropy(1) == entropy(1)
    assert len({entropy(1), entropy(2), entropy(None), entropy(None)}) == 4


def test_a_restart_loses_ram_and_keeps_flash_clock_and_what_was_sent(card: SimulatedCard) -> None:
    card.receive()
    card.advance(5)
    card.press("PRESS", "1", "2")
    sent_before = card.waiting
    card.restart()
    assert card.display == ""
    assert card.board.clock.now_ms == 5000
    card.press("PRESS")
    said = card.receive()
    assert b"display text=PIN>*" in said[:sent_before]
    assert said[sent_before:].startswith(b"!0 boot state=off*")
    assert card.enter(PIN) == "CHALLNG>"


def test_a_watcher_is_told_all_that_goes_over_the_line(engine: str, profile: Profile) -> None:
    heard: list[tuple[str, bytes]] = []
    with SimulatedCard(engine=engine, profile=profile) as card:
        before = card.receive()
        end = card.watch(lambda direction, data: heard.append((direction, data)))
        card.send(b">1 display\n")
        card.press("PRESS")
        card.restart()
        received = card.receive()
        for _ in range(2):
            end()
        card.send(b">2 display\n")
    assert heard[0] == ("in", b">1 display\n")
    assert b"".join(data for direction, data in heard if direction == "out") == received
    assert received.endswith(before)


def test_the_line_takes_more_than_fits_into_any_buffer(engine: str) -> None:
    with SimulatedCard(engine=engine) as card:
        card.receive()
        card.send(b"x" * 50_000 + b"\n>1 display\n")
        assert card.receive().startswith(b"<1 ok text=*")


def test_receive_gives_what_is_there_in_pieces_of_any_size(engine: str) -> None:
    with SimulatedCard(engine=engine) as card:
        whole = card.waiting
        first = card.receive(5)
        assert (len(first), card.waiting) == (5, whole - 5)
        assert card.receive(0) == b""
        assert len(card.receive(whole * 2, timeout=0)) == whole - 5
        assert card.receive(1, timeout=0.01) == card.receive() == b""


def use(card: SimulatedCard) -> dict[str, Callable[[], object]]:
    return {
        "press": lambda: card.press("PRESS"),
        "press nothing": card.press,
        "enter": lambda: card.enter("1"),
        "advance": lambda: card.advance(1),
        "send": lambda: card.send(b"\n"),
        "restart": card.restart,
        "interpreter": lambda: card.interpreter,
        "instructions": lambda: card.instructions,
    }


def test_a_closed_card_is_off_for_good(engine: str, profile: Profile) -> None:
    card = SimulatedCard(engine=engine, profile=profile)
    card.close()
    card.close()
    assert card.closed
    for name, call in use(card).items():
        with pytest.raises(CardOff):
            pytest.fail(f"{name}: {call()}")
    assert "closed" in repr(card)


def test_a_card_says_what_it_is(card: SimulatedCard, engine: str) -> None:
    assert card.engine == engine
    assert {"cpython": "CPython 3.", "micropython": "MicroPython v1."}[engine] in card.interpreter
    assert f"on {engine}: off" in repr(card)
    card.press("PRESS")
    assert repr(card).endswith("PIN>>")


def test_what_a_port_raises_is_not_swallowed(engine: str, profile: Profile) -> None:
    def fail(cells: object) -> None:
        raise KeyError("loose wire")

    with SimulatedCard(engine=engine, profile=profile) as card:
        card.board.display.show = fail  # type: ignore[method-assign]
        with pytest.raises(FirmwareCrash, match="loose wire") as crash:
            card.press("PRESS")
        assert isinstance(crash.value.__cause__, KeyError)
        # Repairing the wire does not restart a program that has ended.
        del card.board.display.show
        with pytest.raises(FirmwareCrash, match="loose wire"):
            card.press("PRESS")
        card.restart()
        assert card.press("PRESS") == "PIN>"


def test_ctrl_c_in_the_middle_of_a_pass_is_a_power_cut(profile: Profile) -> None:
    def interrupt(cells: object) -> None:
        raise KeyboardInterrupt

    with SimulatedCard(engine="cpython", profile=profile) as card:
        card.board.display.show = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            card.press("PRESS")
        del card.board.display.show
        with pytest.raises(FirmwareCrash, match="KeyboardInterrupt"):
            card.press("1")
        card.restart()
        assert card.press("PRESS") == "PIN>"


def test_threads_take_turns_at_one_card(engine: str, profile: Profile) -> None:
    logins, questions = 4, 40
    failures: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    with SimulatedCard(engine=engine, profile=profile) as card:
        heard: list[bytes] = []
        card.watch(lambda direction, data: heard.append(data) if direction == "out" else None)
        jobs = [lambda: [login(card) for _ in range(logins)], lambda: [card.send(b">1 info\n") for _ in range(questions)]]
        threads = [threading.Thread(target=guarded, args=[job]) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        said = b"".join(heard)
        assert said.count(b"<1 ok serial=A-1 ") == questions
        assert [expected(profile, n).encode() in said for n in range(logins)] == [True] * logins


def test_many_cards_at_once_are_independent(engine: str) -> None:
    profiles = [Profile(serial=f"N-{n}", key=bytes([n]) * 32, counter=n) for n in range(10)]
    cards = [SimulatedCard(engine=engine, profile=profile) for profile in profiles]
    try:
        for key in ["PRESS", *PIN, "OK", *QUESTION, "OK"]:
            for card in cards:
                card.press(key)
        assert [card.display for card in cards] == [expected(profile, profile.counter) for profile in profiles]
    finally:
        for card in cards:
            card.close()


PROFILE = Profile("A", KEY)


def at_challenge(engine: str) -> SimulatedCard:
    card = SimulatedCard(engine=engine, flash=PROFILE.flash(), seed=1)
    card.press("PRESS", *"1234", "OK")
    card.press(*"482913")
    return card


@pytest.mark.parametrize("engine", INTERPRETERS)
def test_a_card_without_power_is_dark_and_dead_until_it_is_restarted(engine: str) -> None:
    with at_challenge(engine) as card:
        card.cut_power(after=0)
        unit = {"cpython": f"of the {SIZE} bytes of slot 0", "micropython": "instructions"}[engine]
        with pytest.raises(PowerCut, match=f"the power failed after 0 {unit}"):
            card.press("OK")
        assert card.display == ""
        with pytest.raises(FirmwareCrash, match="the power is off"):
            card.press("OK")
        card.restart()
        assert card.press("PRESS") == "PIN>"


@pytest.mark.parametrize("engine", INTERPRETERS)
def test_a_cut_can_be_called_off_and_comes_but_once(engine: str) -> None:
    with at_challenge(engine) as card:
        with pytest.raises(ValueError, match="after: must not be negative"):
            card.cut_power(after=-1)
        card.cut_power(after=0)
        card.cut_power(after=None)
        assert len(card.press("OK")) == 8
        card.cut_power(after=0)
        # The response is still shown: the first *press* switches the card off, the second one starts the next login.
        with pytest.raises(PowerCut):
            card.press("PRESS", "PRESS", *"1234", "OK", *"482913", "OK")
        card.restart()
        assert len(card.press("PRESS", *"1234", "OK", *"482913", "OK")) == 8


@pytest.mark.parametrize("written", [0, 1, 100, SIZE - 1, SIZE])
def test_on_cpython_the_flash_holds_what_was_written_one_torn_byte_and_what_was_there(written: int) -> None:
    with at_challenge("cpython") as whole:
        before = whole.flash.slots[0]
        whole.press("OK")
        after = whole.flash.slots[0]
        assert before is not None
        assert after is not None
        assert before != after
    with at_challenge("cpython") as card:
        card.cut_power(after=written)
        with pytest.raises(PowerCut, match=f"after {written} of the {SIZE} bytes of slot 0"):
            card.press("OK")
        torn = card.flash.slots[0]
    assert torn is not None
    assert torn[:written] == after[:written]
    assert torn[written + 1 :] == before[written + 1 :]
    for old, new, byte in zip(before, after, torn, strict=True):
        assert (byte ^ old) & ~(old ^ new) == 0


def test_on_cpython_bytes_are_counted_over_several_writes() -> None:
    with SimulatedCard(profile=PROFILE, seed=1) as card:
        card.cut_power(after=SIZE + 1)
        for _ in range(2):
            card.press("PRESS", *"1234", "OK", *"482913")
            if card.flash.cut_after == 1:
                with pytest.raises(PowerCut, match=f"after 1 of the {SIZE} bytes of slot 1"):
                    card.press("OK")
            else:
                card.press("OK", "OK")
        assert card.flash.cut_after is None


def test_on_cpython_a_slot_never_written_is_torn_out_of_ones() -> None:
    flash = Flash()
    flash.cut_after = 2
    with pytest.raises(PowerCut):
        flash.write(0, bytes(8))
    assert flash.slots[0] is not None
    assert (flash.slots[0][:2], flash.slots[0][3:]) == (bytes(2), b"\xff" * 5)
