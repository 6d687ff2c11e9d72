"""Hints that tell the user the next step at the card, chosen by the card's display and its answers on the line."""

import re
from collections.abc import Callable, Mapping

_PIN_DIGITS = 4
_CODE_DIGITS = 8
_DEFAULT_QUESTION = 6

Facts = Mapping[str, str]


def next_step(shown: str, facts: Facts) -> str:
    """Return the hint. `shown` is the text on the display, and `facts` are the card's answers to `hello` and `info`."""
    return _STEPS.get(facts.get("state", ""), _unknown)(shown, facts)


def is_blank(facts: Facts) -> bool:
    """Return whether the card can be personalized. A damaged card has no serial either, but it cannot be personalized."""
    return not facts.get("serial") and not facts.get("damaged")


def question_digits(suite: str) -> int:
    """Return the number of digits in the question of an OCRA suite."""
    found = re.search(r"[:-]Q[ANH]([0-9]{2})", suite)
    return int(found[1]) if found else _DEFAULT_QUESTION


def _unknown(shown: str, facts: Facts) -> str:
    return "The card does not say what it is doing."


def _off(shown: str, facts: Facts) -> str:
    if is_blank(facts):
        return "This card is blank. Press n to give it a key and a PIN."
    return "Hold PRESS (p) to switch the card on."


def _pin(shown: str, facts: Facts) -> str:
    typed = shown.count("*")
    if typed == _PIN_DIGITS:
        return "Press OK (Enter). C (Backspace) erases a digit."
    if shown.startswith("FAIL"):
        left = facts.get("tries", "")
        tries = "This is your last try." if left == "1" else f"You have {left} tries left."
        return f"That PIN was wrong. {tries} Type your PIN, then OK."
    return "Type your PIN, 4 digits, then OK." if not typed else f"Type {_digits(_PIN_DIGITS - typed)} more, then OK."


def _challenge(shown: str, facts: Facts) -> str:
    size = question_digits(facts.get("suite", ""))
    if not shown.isdigit():
        wanted = f"Type the challenge from the login page, {_digits(size)}, then OK."
        return f"{wanted}\nNo page? In another terminal: dscplus challenge {facts.get('serial', '')}"
    # The display shows only the last eight digits of a challenge.
    left = size - len(shown)
    if left <= 0 or len(shown) == _CODE_DIGITS:
        return "Is this the challenge on the page? Then press OK (Enter). C (Backspace) erases a digit."
    return f"Type {_digits(left)} more, then OK."


def _response(shown: str, facts: Facts) -> str:
    return "Type this response into the login page. OK (Enter) switches the card off."


def _notice(shown: str, facts: Facts) -> str:
    return {
        "NO KEY": "This card is blank. Press n to give it a key and a PIN, or p to switch it off.",
        "LOBATT": "The battery is too low to start. p switches the card off.",
    }.get(shown, "The record, the flash or the source of random numbers is faulty. Nothing was erased.")


def _locked(shown: str, facts: Facts) -> str:
    if facts.get("unlock", "") in ("", "0"):
        return "Too many wrong PINs, and no code unlocks this card. In another terminal: dscplus wipe"
    return "Too many wrong PINs. OK (Enter) shows a challenge for a code that unlocks the card."


def _asking(shown: str, facts: Facts) -> str:
    return f"Get the code from: dscplus card unlock-code {facts.get('serial', '')} {shown}\nThen press OK (Enter)."


def _unlock(shown: str, facts: Facts) -> str:
    typed = len(shown) if shown.isdigit() else 0
    if typed == _CODE_DIGITS:
        return "Press OK (Enter). C (Backspace) erases a digit."
    return f"Type the code that unlocks the card, {_digits(_CODE_DIGITS - typed)}{' more' if typed else ''}, then OK."


def _wait(shown: str, facts: Facts) -> str:
    return "That code was wrong. Wait until the card accepts another code."


def _wipe(shown: str, facts: Facts) -> str:
    return "A program asks to make this card blank. OK (Enter) agrees, C (Backspace) keeps everything."


def _digits(number: int) -> str:
    return f"{number} digit{'' if number == 1 else 's'}"


_STEPS: dict[str, Callable[[str, Facts], str]] = {
    "off": _off,
    "pin": _pin,
    "challenge": _challenge,
    "response": _response,
    "notice": _notice,
    "locked": _locked,
    "asking": _asking,
    "unlock": _unlock,
    "wait": _wait,
    "wipe": _wipe,
}
