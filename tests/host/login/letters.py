"""What was sent to people, taken from the values of the letters: their words differ between languages, and change."""

from collections.abc import Iterable

from dsc_host.login import Letter


def code_letters(letters: Iterable[Letter], channel: str) -> list[Letter]:
    """Return the letters of a channel that hold a code, oldest first: notices go over every channel, too."""
    return [letter for letter in letters if letter.channel == channel and "code" in letter.values]


def newest_code(letters: Iterable[Letter], channel: str = "sms") -> str:
    """Return the newest code that was sent over a channel, as one enters it: a call reads out each digit by itself."""
    return code_letters(letters, channel)[-1].values["code"].replace(" ", "")
