"""The response of an attached card to a challenge.

The owner of the card types the PIN on its keypad. If the card has no keypad, this module sends the key presses.

One promise: after any error, including Ctrl-C, the card is switched off if the line still works. The card then discards the
challenge.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dsc_host.cli.output import Failed, notice
from dsc_host.errors import CardError, DscError, InputError, LinkTimeout
from dsc_host.link import CardClient, CardInfo
from dsc_host.ocra import Suite

LOOK_SECONDS = 0.5
"""The seconds between two checks of whether the card has switched off."""
_ANSWER_SECONDS = 5.0
_CELLS = 8
_KINDS = {"N": "digits", "A": "letters and digits", "H": "hex digits"}
_FAULTS = ("NO KEY", "ERROR", "LOBATT")


def check_challenge(card: CardInfo, question: str) -> None:
    """Raise `Failed` if the card cannot give responses, and `InputError` if it cannot answer this challenge."""
    if not card.serial:
        raise Failed("the card holds no key: it is blank, or its record is damaged")
    if card.locked:
        raise Failed("the card is locked" + ("; unlock it with dscplus card unlock-code" if card.unlock_tries else ""))
    suite = Suite.parse(card.suite)
    with suppress(InputError):
        if len(question) == suite.question_length and suite.encode_question(question):
            return
    raise InputError("challenge", f"must be {suite.question_length} {_KINDS[suite.question_format]}")


@contextmanager
def switched_off_after_failure(client: CardClient) -> Iterator[None]:
    """Switch the card off if the block raises an error and the card can still be reached."""
    try:
        yield
    except BaseException:
        with suppress(DscError):
            client.cancel()
        raise


def by_line(client: CardClient, question: str, pin: str) -> str:
    """Return the response of a card without a keypad. Send the key presses over the line."""
    client.cancel()
    with switched_off_after_failure(client):
        client.press("PRESS")
        if (shown := client.display()) != "PIN>":
            raise Failed(f"the card shows {shown}")
        client.challenge(question)
        if (shown := client.enter(pin)) != question[-_CELLS:]:
            raise Failed(f"the PIN is wrong: the card shows {shown}")
        client.press("OK")
        return client.wait_response(_ANSWER_SECONDS)


def by_owner(client: CardClient, question: str, seconds: float) -> str:
    """Return the response of a card on which its owner types the PIN. Raises `LinkTimeout` after `seconds`."""
    notice("On the card: hold press until PIN>, enter the PIN, press OK. When it shows the challenge, press OK again.")
    deadline = time.monotonic() + seconds
    with switched_off_after_failure(client):
        while (left := deadline - time.monotonic()) > 0:
            if _send_question(client, question):
                if response := _response(client, deadline):
                    return response
            elif not _display_changed(client, left):
                break
        raise LinkTimeout(f"nobody answered on the card within {seconds:g} s")


def _send_question(client: CardClient, question: str) -> bool:
    """Return whether the card accepted the question. Its owner must have switched the card on before."""
    _went_off(client)  # Discard earlier changes of the display.
    try:
        client.challenge(question)
    except CardError as error:
        if error.code != "state":
            raise
        if (shown := client.display()) in _FAULTS:
            raise Failed(f"the card shows {shown}") from None
        return False
    return True


def _display_changed(client: CardClient, seconds: float) -> bool:
    """Wait until the display changes. Return False if it does not change in time."""
    try:
        client.wait_event("display", seconds)
    except LinkTimeout:
        return False
    return True


def _response(client: CardClient, deadline: float) -> str | None:
    """Return the card's response, or None if there is none before `deadline` or the card was switched off."""
    while (left := deadline - time.monotonic()) > 0:
        with suppress(LinkTimeout):
            return client.wait_response(min(left, LOOK_SECONDS))
        if _went_off(client) or not client.display():
            return None
    return None


def _went_off(client: CardClient) -> bool:
    """Read the waiting events. Return whether the display went blank in one of them."""
    off = False
    with suppress(LinkTimeout):
        while True:
            off |= client.wait_event("display", 0).values.get("text") == ""
    return off
