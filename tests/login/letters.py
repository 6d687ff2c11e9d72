"""What was sent to people, taken from the values of the letters: their words differ between languages, and change."""

from collections.abc import Iterable

from dsc_host.login import Letter


def newest(letters: Iterable[Letter], channel: str) -> Letter:
    """Return the newest letter of a channel."""
    return [letter for letter in letters if letter.channel == channel][-1]


def newest_code(letters: Iterable[Letter], channel: str = "sms") -> str:
    """Return the code in the newest letter of a channel, as one enters it: a call reads out each digit by itself."""
    return newest(letters, channel).values["code"].replace(" ", "")
