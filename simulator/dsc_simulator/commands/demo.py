"""`dscplus demo`: one login with a card and a verifier, then a wrong PIN and a replay, which are both refused."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated, Protocol

import typer

from dsc_host import CardClient, Challenge, DscError, LinkTimeout, MasterKey, Profile, Verifier, derive_key
from dsc_host.cli.options import OWNER_SECONDS, JsonOption, TimeoutOption, check_timeout
from dsc_host.cli.output import Failed, notice, show
from dsc_host.urls import without_password
from dsc_simulator.card import SimulatedCard
from dsc_simulator.commands.narration import Narration
from dsc_simulator.engines import ENGINES, available
from dsc_simulator.errors import SimulatorError

SERIAL = "IB3000123"
PIN = "1234"
WRONG_PIN = "4321"
_ENTROPY_BYTES = 32
_RESPONSE_DIGITS = 8
_STILL_THERE = "The card may still hold the demonstration's key. To make it blank, run: dscplus wipe"

# Do not read DSCPLUS_CARD: the demonstration must not use a card that somebody uses for logins.
BlankCardOption = Annotated[
    str | None, typer.Option("--card", metavar="URL", help="Use a real card at this port. The card must be blank.")
]


class KeyPresser(Protocol):
    """An interface that presses the card's keys and reads its display."""

    def press(self, *keys: str, until: Callable[[str], bool]) -> str:
        """Press `keys`, one after another. Return what the display then shows.

        If a person presses the keys, wait until `until` returns True for the text on the display.
        """


class SimulatorKeyPresser:
    """Presses the keys of a simulated card."""

    def __init__(self, card: SimulatedCard) -> None:
        self._card = card

    def press(self, *keys: str, until: Callable[[str], bool]) -> str:
        """Press `keys`. Return what the display then shows."""
        return self._card.press(*keys)


class LineKeyPresser:
    """Presses keys over the serial line, on a board without physical keys."""

    def __init__(self, client: CardClient) -> None:
        self._client = client

    def press(self, *keys: str, until: Callable[[str], bool]) -> str:
        """Press `keys`. Return what the display then shows."""
        self._client.press(*keys)
        return self._client.display()


class OwnerKeyPresser:
    """Asks a person to press the keys of a real card, and watches its display."""

    def __init__(self, client: CardClient, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    def press(self, *keys: str, until: Callable[[str], bool]) -> str:
        """Ask the person to press keys, and wait for the display. Raise LinkTimeout if that takes too long."""
        notice(f"  On the card, press: {' '.join(keys)}")
        deadline = time.monotonic() + self._seconds
        while not until(shown := self._client.display()):
            try:
                self._client.wait_event("display", max(deadline - time.monotonic(), 0))
            except LinkTimeout:
                raise LinkTimeout(f"nobody pressed these keys on the card within {self._seconds:g} s") from None
        return shown


@dataclass(frozen=True)
class Scene:
    """The parts of the demonstration: the card's line and keys, the verifier, and the narration."""

    client: CardClient
    presser: KeyPresser
    verifier: Verifier
    narration: Narration


def demo(
    engine: Annotated[
        str | None, typer.Option(metavar="ENGINE", help="cpython or micropython. Default: micropython if it is installed.")
    ] = None,
    card: BlankCardOption = None,
    timeout: TimeoutOption = OWNER_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Watch a login with a card and a verifier.

    The card is simulated and runs the real firmware. With --card, the command uses a real card instead. It must be blank,
    and the command makes it blank again at the end.

    \b
    Examples:
      dscplus demo
      dscplus demo --engine cpython --json
      dscplus demo --card /dev/ttyACM0
    """
    if engine is not None and engine not in ENGINES:
        raise typer.BadParameter(f"must be {' or '.join(ENGINES)}, not {engine}", param_hint="--engine")
    if engine is not None and card is not None:
        raise typer.BadParameter("is for a simulated card; leave it out with --card", param_hint="--engine")
    check_timeout(timeout)
    narration = Narration(quiet=as_json)
    try:
        with ExitStack() as stack:
            play(_real_card(stack, narration, card, timeout) if card else _simulated_card(stack, narration, engine))
    except SimulatorError as error:
        raise Failed(str(error)) from error
    narration.times()
    if as_json:
        show(narration.result(), as_json=True)
    if not narration.has_outcomes(login=True, wrong_pin=False, replay=False):
        raise Failed("the demonstration had an unexpected result")


def _simulated_card(stack: ExitStack, narration: Narration, engine: str | None) -> Scene:
    engine = engine or ("micropython" if available("micropython") else "cpython")
    narration.chapter("A new blank card")
    narration.engine = engine
    with narration.timed("start the card"):
        card = stack.enter_context(SimulatedCard(engine=engine))
    client = stack.enter_context(CardClient.open(card.url))
    narration.tell(f"Engine: {card.interpreter}, running the firmware that boards get")
    return Scene(client, SimulatorKeyPresser(card), _verifier(stack, narration), narration)


def _real_card(stack: ExitStack, narration: Narration, url: str, seconds: float) -> Scene:
    narration.chapter(f"The card at {without_password(url)}")
    narration.engine = "board"
    client = stack.enter_context(CardClient.open(url))
    greeting = client.hello()
    if greeting.serial:
        raise Failed(f"the card is personalized as {greeting.serial}; the demonstration needs a blank card: dscplus wipe")
    narration.tell(f"Engine: the board itself, {greeting.board}")
    presser = LineKeyPresser(client) if "keys" in greeting.caps else OwnerKeyPresser(client, seconds)
    stack.enter_context(_blank_again(client, presser))
    return Scene(client, presser, _verifier(stack, narration), narration)


@contextmanager
def _blank_again(client: CardClient, presser: KeyPresser) -> Iterator[None]:
    """Make a real card blank at the end, because its key is useless then: the verifier exists only in memory."""
    try:
        yield
    except BaseException as first:
        # Report only the first failure.
        if isinstance(first, KeyboardInterrupt):
            notice("Stopping. Press Ctrl-C once more to leave the card as it is.")
        try:
            _make_blank(client, presser)
        except (DscError, Failed, KeyboardInterrupt) as error:
            notice(str(error) if isinstance(error, Failed) else _STILL_THERE)
        raise
    try:
        _make_blank(client, presser)
    except (DscError, KeyboardInterrupt):
        notice(_STILL_THERE)
        raise


def _make_blank(client: CardClient, presser: KeyPresser) -> None:
    if not client.info().serial:
        return
    client.cancel()
    client.wipe()
    notice("  The card is being made blank: the demonstration's key is of no further use.")
    try:
        presser.press("OK", until=lambda shown: shown != "WIPE?")
    finally:
        client.cancel()
    if client.info().serial:
        raise Failed(_STILL_THERE)


def _verifier(stack: ExitStack, narration: Narration) -> Verifier:
    with narration.timed("open the verifier"):
        return stack.enter_context(Verifier.open("sqlite://", master_key=MasterKey.generate()))


def play(scene: Scene) -> None:
    """Run the demonstration: personalize, log in, and make two attempts that must fail."""
    _personalize(scene)
    challenge, response = _log_in(scene)
    _wrong_pin(scene)
    _replay(scene, challenge, response)
    scene.client.cancel()


def _personalize(scene: Scene) -> None:
    narration = scene.narration
    narration.chapter("Personalize and enroll")
    with narration.timed("make the key"):
        key = derive_key(secrets.token_bytes(_ENTROPY_BYTES), scene.client.entropy(_ENTROPY_BYTES), SERIAL)
    narration.tell(f"A key of {len(key)} bytes, made from random bytes of both sides")
    profile = Profile(serial=SERIAL, key=key)
    with narration.timed("enroll"):
        scene.verifier.enroll(SERIAL, key=key, suite=profile.suite, pin=PIN)
    with narration.timed("personalize"):
        scene.client.personalize(profile)
    narration.tell(f"The card is {scene.client.info().serial} now, suite {profile.suite}")
    narration.tell("The verifier has enrolled it")


def _challenge(scene: Scene) -> Challenge:
    with scene.narration.timed("issue a challenge"):
        challenge = scene.verifier.challenge(SERIAL)
    scene.narration.tell(f"The login page shows the challenge {challenge.question}")
    return challenge


def _respond(scene: Scene, challenge: Challenge, pin: str) -> str:
    """Switch the card on, and type the PIN and the challenge. Return the response on the display."""
    presser, narration = scene.presser, scene.narration
    scene.client.cancel()
    with narration.timed("wake, PIN, challenge, response"):
        woken = presser.press("PRESS", until=lambda shown: shown == "PIN>")
        asked = presser.press(*pin, "OK", until=lambda shown: shown == "CHALLNG>")
        response = presser.press(
            *challenge.question,
            "OK",
            until=lambda shown: len(shown) == _RESPONSE_DIGITS and shown.isdecimal(),
        )
    narration.display("press, held", woken)
    narration.display(f"the PIN {pin}, OK", asked)
    narration.display(f"the challenge {challenge.question}, OK", response)
    return response


def _verify(scene: Scene, name: str, challenge: Challenge, response: str) -> None:
    scene.narration.tell(f"The response {response} is entered on the login page")
    with scene.narration.timed("verify"):
        verdict = scene.verifier.verify(challenge.id, response)
    scene.narration.outcome(name, verdict.accepted)


def _log_in(scene: Scene) -> tuple[Challenge, str]:
    scene.narration.chapter("Log in")
    challenge = _challenge(scene)
    response = _respond(scene, challenge, PIN)
    _verify(scene, "login", challenge, response)
    return challenge, response


def _wrong_pin(scene: Scene) -> None:
    scene.narration.chapter("A thief has the card but not the PIN")
    challenge = _challenge(scene)
    _verify(scene, "wrong_pin", challenge, _respond(scene, challenge, WRONG_PIN))


def _replay(scene: Scene, challenge: Challenge, response: str) -> None:
    scene.narration.chapter("Somebody saw the first response and sends it again")
    _verify(scene, "replay", challenge, response)
