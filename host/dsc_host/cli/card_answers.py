"""How a card comes to answer a challenge: its owner types on it, or, on a board without keys, it is typed on from here.

Promises: whatever goes wrong, Ctrl-C included, the card does not keep a challenge that nobody waits for.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dsc_host.cli.output import Failed, notice
from dsc_host.errors import CardError, DscError, InputError, LinkTimeout
from dsc_host.link import CardClient, CardInfo
from dsc_host.ocra import Suite

LOOK_SECONDS = 0.5
"""How often it is looked whether the card has gone off meanwhile."""
_ANSWER_SECONDS = 5.0
_CELLS = 8
_KINDS = {"N": "digits", "A": "letters and digits", "H": "hex digits"}
_NOTICES = ("NO KEY", "ERROR", "LOBATT")


def check_challenge(card: CardInfo, question: str) -> None:
    """Raises unless the card can answer: Failed for the card's sake, InputError for the challenge's."""
    if not card.serial:
        raise Failed("the card holds no key: it is blank, or its record is damaged")
    if card.locked:
        raise Failed("the card is locked" + ("; dscplus card unlock-code makes the code for it" if card.unlock_tries else ""))
    suite = Suite.parse(card.suite)
    with suppress(InputError):
        if len(question) == suite.question_length and suite.encode_question(question):
            return
    raise InputError("challenge", f"must be {suite.question_length} {_KINDS[suite.question_format]}")


@contextmanager
def switched_off_after_failure(client: CardClient) -> Iterator[None]:
    """Whatever the block raises, the card is off afterwards, if it can still be reached."""
    try:
        yield
    except BaseException:
        with suppress(DscError):
            client.cancel()
        raise


def by_line(client: CardClient, question: str, pin: str) -> str:
    """The response of a card that takes its keys from the line."""
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
    """The response of a card on which its owner types the PIN, within so many seconds. Raises LinkTimeout."""
    notice("On the card: hold press until PIN>, type the PIN, OK; then OK once more when it shows the challenge.")
    deadline = time.monotonic() + seconds
    with switched_off_after_failure(client):
        while (left := deadline - time.monotonic()) > 0:
            if _asked(client, question):
                if response := _response(client, deadline):
                    return response
            elif not _shows_something_else(client, left):
                break
        raise LinkTimeout(f"nobody answered on the card within {seconds:g} s")


def _asked(client: CardClient, question: str) -> bool:
    """Whether the card took the question; it does once its owner has switched it on."""
    _went_off(client)  # What it showed until now does not count.
    try:
        client.challenge(question)
    except CardError as error:
        if error.code != "state":
            raise
        if (shown := client.display()) in _NOTICES:
            raise Failed(f"the card shows {shown}") from None
        return False
    return True


def _shows_something_else(client: CardClient, seconds: float) -> bool:
    """Waits until the display changes; False if it does not."""
    try:
        client.wait_event("display", seconds)
    except LinkTimeout:
        return False
    return True


def _response(client: CardClient, deadline: float) -> str | None:
    """What the card answers; None if it went off, and so forgot the question, or if it takes too long."""
    while (left := deadline - time.monotonic()) > 0:
        with suppress(LinkTimeout):
            return client.wait_response(min(left, LOOK_SECONDS))
        if _went_off(client) or not client.display():
            return None
    return None


def _went_off(client: CardClient) -> bool:
    """Whether the display went blank since this was last asked."""
    off = False
    with suppress(LinkTimeout):
        while True:
            off |= client.wait_event("display", 0).values.get("text") == ""
    return off
