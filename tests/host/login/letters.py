"""Codes from sent messages, taken from the values and not from the text, which differs by language and changes."""

from collections.abc import Iterable

from dsc_host.login import Letter


def code_letters(letters: Iterable[Letter], channel: str) -> list[Letter]:
    """Return the messages of a channel that hold a code, the oldest first. Notices use every channel too."""
    return [letter for letter in letters if letter.channel == channel and "code" in letter.values]


def newest_code(letters: Iterable[Letter], channel: str = "sms") -> str:
    """Return the newest code that was sent over a channel, as a user enters it. A call reads out each digit separately."""
    return code_letters(letters, channel)[-1].values["code"].replace(" ", "")
