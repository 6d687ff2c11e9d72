"""The instructions for the answer of each kind of device, with the keys of the card and the texts of its display marked.

The instructions here are in English. The translations are in the catalogs.
"""

from collections.abc import Mapping

from markupsafe import Markup, escape

from dsc_host.login import Kind

_FIND_CODES = ("Find the two codes with these index numbers on your card.",)
_OLD_CARD = (
    "Enter the challenge below into the device, after your PIN if it asks for one.",
    "Enter here the response that it shows.",
)
_CODE_SENT = ("A code is on its way to {number}.",)
INSTRUCTIONS: Mapping[Kind, tuple[str, ...]] = {
    Kind.DSC_PLUS: (
        "On the card, hold the key marked {press} until {pin} appears."
        " Enter your 4\N{NON-BREAKING HYPHEN}digit PIN and press {ok}.",
        "At {challenge}, enter the challenge below and press {ok}.",
        "Enter the 8\N{NON-BREAKING HYPHEN}digit response from your card here.",
    ),
    Kind.PLATINUM: _OLD_CARD,
    Kind.GOLD: _OLD_CARD,
    Kind.DIGITAL_CARD: _OLD_CARD,
    Kind.CODE_CARD: _FIND_CODES,
    Kind.ONLINE_CARD: _FIND_CODES,
    Kind.TEMPORARY_CODE: ("Enter the code that support gave you.",),
    Kind.PHONE_APP: (
        "In the app, choose “Answer a challenge”, and enter the challenge below.",
        "Enter here the response that the app shows.",
    ),
    Kind.SMS: _CODE_SENT,
    Kind.VOICE: _CODE_SENT,
}
"""The instructions for an answer, by the kind of device. `marked` fills in the names in braces."""
_MARKS = {
    "press": Markup("<kbd>press</kbd>"),
    "ok": Markup("<kbd>OK</kbd>"),
    "pin": Markup("<samp>PIN&gt;</samp>"),
    "challenge": Markup("<samp>CHALLNG&gt;</samp>"),
}
"""The keys of the card and the texts of its display, as pages draw them, by their names in the instructions."""


def marked(words: str, **values: object) -> Markup:
    """Return a translated instruction in which the keys of the card and the texts of its display are marked as such.

    All other characters of `words` and of the `values`, which are filled in too, are escaped.
    """
    return escape(words).format(**_MARKS, **values)
