"""`dscplus demo`: its story, on each engine and on cards at the end of a line, and the state that it leaves."""

import json
import re
from collections.abc import Callable, Iterator
from queue import Queue
from threading import Thread

import pytest
from tests.firmware.fakes import INTERPRETERS
from tests.host.command_runner import Command, Done

from dsc_host import CardClient, LinkTimeout
from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.commands import demo as module

OUTCOMES = {"login": True, "wrong_pin": False, "replay": False}
PRESS = "  On the card, press: "


Demo = Callable[..., Done]


@pytest.fixture
def demo(command: Command) -> Iterator[Demo]:
    """Return a function: `demo("--json")` runs `dscplus demo --json`."""
    yield lambda *arguments: command("demo", *arguments)
    command.assert_no_secret_was_printed()


@pytest.fixture
def held() -> Iterator[SimulatedCard]:
    """Provide a blank card with keys of its own."""
    with SimulatedCard(keys_on_line=False) as card:
        yield card


class Owner:
    """Does what the demonstration asks, in a thread of its own, except for the keys in `otherwise`."""

    def __init__(self, card: SimulatedCard, monkeypatch: pytest.MonkeyPatch, **otherwise: tuple[str, ...]) -> None:
        self.told: list[str] = []
        self._card = card
        self._orders: Queue[str] = Queue()
        self._otherwise = otherwise
        self._thread = Thread(target=self._obey)
        notice = module.notice

        def listen(message: str) -> None:
            notice(message)
            if message.startswith(PRESS):
                self._orders.put(message.removeprefix(PRESS))

        monkeypatch.setattr(module, "notice", listen)

    def order(self, keys: str) -> None:
        self._orders.put(keys)

    def _obey(self) -> None:
        while order := self._orders.get():
            self.told.append(order)
            self._card.press(*self._otherwise.get(order, order.split()))

    def __enter__(self) -> "Owner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.put("")
        self._thread.join()


def serial(card: SimulatedCard) -> str:
    with CardClient.open(card.url) as client:
        return client.info().serial


def test_the_story_in_words_fits_a_terminal(demo: Demo) -> None:
    done = demo("--engine", "cpython")
    assert (done.code, done.err) == (0, "")
    lines = [line.rstrip() for line in done.out.splitlines()]
    says = [line.rpartition(" ")[2] for line in lines if line.startswith("  The verifier says:")]
    assert says == ["accepted", "refused", "refused"]
    shown = re.findall(r"│ (\S+) +│", done.out)
    assert shown[:2] == shown[3:5] == ["PIN>", "CHALLNG>"]
    assert all(re.fullmatch("[0-9]{8}", response) for response in (shown[2], shown[5]))
    sent = re.findall(r"The response (\d{8}) is entered", done.out)
    assert sent == [shown[2], shown[5], shown[2]], "the replay is the first response"
    challenges = re.findall(r"shows the challenge (\d{6})$", done.out, re.MULTILINE)
    assert len(set(challenges)) == 2
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if re.match(r"\w", line)] == [
        "A new blank card",
        "Personalize and enroll",
        "Log in",
        "A thief has the card but not the PIN",
        "Somebody saw the first response and sends it again",
        "Time each part took",
    ], "every other line is indented: none was wrapped"
    at = lines.index("Log in")
    assert lines[at + 2 : at + 5] == ["   ╭──────────╮", "   │ PIN>     │  press, held", "   ╰──────────╯"]


@pytest.mark.parametrize("engine", INTERPRETERS)
def test_the_story_as_json(demo: Demo, engine: str) -> None:
    done = demo("--engine", engine, "--json")
    assert (done.code, done.err) == (0, "")
    result = json.loads(done.out)
    assert set(result) == {"engine", "steps", "accepted", "times_ms"}
    assert result["engine"] == engine
    assert result["accepted"] == OUTCOMES
    assert {frozenset(step) for step in result["steps"]} == {frozenset({"what"}), frozenset({"what", "display"})}
    assert [step["display"] for step in result["steps"] if "display" in step][:2] == ["PIN>", "CHALLNG>"]
    parts = "start the card|open the verifier|make the key|enroll|personalize|issue a challenge|verify"
    assert set(result["times_ms"]) == {*parts.split("|"), "wake, PIN, challenge, response"}
    assert all(spent > 0 for spent in result["times_ms"].values())


def test_the_engine_that_boards_have_comes_first_and_a_card_of_the_environment_is_left_alone(
    demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSCPLUS_CARD", held.url)
    monkeypatch.setattr(module, "available", lambda name: False)
    assert json.loads(demo("--json").out)["engine"] == "cpython"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "steam"], "must be cpython or micropython, not steam"),
        (["--engine", ""], "must be cpython or micropython"),
        (["--engine", "cpython", "--card", "sim://"], "is for a simulated card"),
    ],
)
def test_a_wrong_engine(demo: Demo, arguments: list[str], words: str) -> None:
    done = demo(*arguments)
    assert (done.code, done.out) == (2, "")
    assert f"--engine: {words}" in done.err


def test_a_story_that_ends_otherwise_is_a_failure(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRONG_PIN", module.PIN)
    done = demo("--engine", "cpython", "--json")
    assert done.code == 1
    assert json.loads(done.out)["accepted"] == OUTCOMES | {"wrong_pin": True}
    assert done.err == "Error: the demonstration had an unexpected result\n"


def test_colors(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    colored = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert colored.search(demo("--engine", "cpython").out)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colored.search(demo("--engine", "cpython").out)


def test_a_terminal_without_frames(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console.Console.encoding", "ascii")
    done = demo("--engine", "cpython")
    assert done.out.isascii()
    assert "| CHALLNG> |  the PIN 1234, OK" in done.out


def test_a_blank_card_without_keys(demo: Demo) -> None:
    with SimulatedCard() as card:
        done = demo("--card", card.url, "--json")
        assert done.code == 0
        assert json.loads(done.out)["engine"] == "board"
        assert json.loads(done.out)["accepted"] == OUTCOMES
        assert (serial(card), card.display) == ("", "")


@pytest.mark.parametrize(("url", "code"), [("sim://?seed=1", 0), ("[/x]", 3)])
def test_an_address_is_printed_as_it_stands(demo: Demo, url: str, code: int) -> None:
    done = demo("--card", url)
    assert done.code == code
    assert done.out.startswith(f"\nThe card at {url}\n")


def test_a_personalized_card_is_left_alone(demo: Demo) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=bytes(32))) as card:
        before = list(card.flash.slots)
        done = demo("--card", card.url)
        assert done.code == 1
        assert done.err == ("Error: the card is personalized as IB1; the demonstration needs a blank card: dscplus wipe\n")
        assert card.flash.slots == before


def test_a_card_with_keys_is_pressed_by_its_owner(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with Owner(held, monkeypatch) as owner:
        done = demo("--card", held.url, "--json", "--timeout", "8")
    assert done.code == 0
    assert json.loads(done.out)["accepted"] == OUTCOMES
    assert [order if not re.search(r"\d", order) else "digits" for order in owner.told] == [
        *("PRESS", "digits", "digits"),
        *("PRESS", "digits", "digits"),
        "OK",
    ]
    assert owner.told[1] == "1 2 3 4 OK"
    assert owner.told[4] == "4 3 2 1 OK"
    assert serial(held) == ""


def test_an_owner_who_starts_again(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    again = ["PRESS 1 2 3 4 OK"]

    def come_back(direction: str, data: bytes) -> None:
        if again and b" ok text=*" in data and owner.told[-1:] == ["1 2 3 4 OK"]:
            owner.order(again.pop())

    with Owner(held, monkeypatch, **{"1 2 3 4 OK": ("1", "PRESS")}) as owner:
        held.watch(come_back)
        done = demo("--card", held.url, "--json", "--timeout", "8")
    assert not again, "the demonstration has seen the card off"
    assert done.code == 0
    result = json.loads(done.out)
    assert result["accepted"] == OUTCOMES
    assert [step["display"] for step in result["steps"] if "display" in step][:2] == ["PIN>", "CHALLNG>"]


@pytest.mark.parametrize(("method", "asked"), [("entropy", "entropy"), ("press", "key")])
def test_a_card_that_stops_answering(demo: Demo, monkeypatch: pytest.MonkeyPatch, method: str, asked: str) -> None:
    def silence(*_: object) -> None:
        raise LinkTimeout(f"the card did not answer {asked} within 2 s")

    monkeypatch.setattr(CardClient, method, silence)
    done = demo("--card", "sim://")
    assert done.code == 5
    assert done.err.endswith(f"Error: the card did not answer {asked} within 2 s\n")
    if method == "entropy":
        assert done.err.count("\n") == 1, "a card that was never personalized is not wiped"


def test_an_owner_who_keeps_the_key(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with Owner(held, monkeypatch, OK=("C",)):
        done = demo("--card", held.url, "--timeout", "8")
    assert done.code == 1
    assert done.err.endswith("Error: The card may still hold the demonstration's key. To make it blank, run: dscplus wipe\n")
    assert serial(held) == module.SERIAL


def test_an_owner_who_leaves_before_the_end(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with Owner(held, monkeypatch, OK=()):
        done = demo("--card", held.url, "--timeout", "2")
    assert done.code == 5
    assert "The card may still hold the demonstration's key. To make it blank, run: dscplus wipe\n" in done.err
    assert done.err.endswith("Error: nobody pressed these keys on the card within 2 s\n")
    assert held.display == "", "no question is left on it"


def test_an_owner_who_does_nothing(demo: Demo, held: SimulatedCard) -> None:
    done = demo("--card", held.url, "--timeout", "0.05")
    assert done.code == 5
    assert done.err.endswith("Error: nobody pressed these keys on the card within 0.05 s\n")
    assert "The card may still hold the demonstration's key. To make it blank, run: dscplus wipe\n" in done.err
    assert held.display == "", "no question is left on it"


def stop_at(monkeypatch: pytest.MonkeyPatch, *orders: str) -> None:
    """Press Ctrl-C when the owner gets one of these orders, once for each."""
    left = list(orders)
    notice = module.notice

    def stop(message: str) -> None:
        notice(message)
        if left and message == PRESS + left[0]:
            del left[0]
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "notice", stop)


def test_ctrl_c_still_makes_the_card_blank(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with Owner(held, monkeypatch):
        stop_at(monkeypatch, "1 2 3 4 OK")
        done = demo("--card", held.url, "--timeout", "8")
    assert done.code == 130
    assert "Stopping. Press Ctrl-C once more to leave the card as it is.\n" in done.err
    assert done.err.endswith("Error: stopped\n")
    assert serial(held) == ""


def test_ctrl_c_twice_says_what_is_left(demo: Demo, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, "PRESS", "OK")
    done = demo("--card", held.url)
    assert done.code == 130
    assert done.err.endswith(
        "The card may still hold the demonstration's key. To make it blank, run: dscplus wipe\nError: stopped\n"
    )
    assert held.display == "", "no question is left on it"
    assert serial(held) == module.SERIAL


def test_a_card_that_is_unplugged_meanwhile(demo: Demo) -> None:
    with SimulatedCard() as card:
        card.watch(lambda direction, data: card.close() if b"text=CHALLNG>" in data else None)
        done = demo("--card", card.url)
    assert done.code == 5
    assert "The card may still hold the demonstration's key" in done.err
