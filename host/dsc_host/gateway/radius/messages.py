"""The messages to users in replies, in each language. The sentences are in `messages.toml`.

A message consists of one or more attributes. Some programs show only the first attribute, so the challenge comes first.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from dsc_host.gateway.radius.packets import MOST_VALUE, Attribute, Type
from dsc_host.login.views import DeviceView

FALLBACK = "en"
_MOST_PARTS = 3
"""The maximum number of attributes for one sentence. The rest of a longer sentence is left out."""


def refused(language: str) -> list[Attribute]:
    """Return the message of a rejection, which is the same for every reason."""
    return _parts(_words("refused", language))


def challenge(shows: Mapping[str, str], language: str) -> list[Attribute]:
    """Return the message that a program shows beside its field for the response.

    `shows` has the values that the login page would show for this device, for example the challenge.
    """
    for name in ("challenge", "indexes", "sent_to"):
        if name in shows:
            return _parts(_words(name, language).format_map(shows))
    return _parts(_words("code", language))


def others(devices: Sequence[tuple[int, DeviceView]], language: str) -> list[Attribute]:
    """Return the message that lists the user's other devices with their numbers, or an empty list if there are none."""
    named = [f"{number} {_named(device, language)}" for number, device in devices]
    return _parts(" " + _words("others", language).format(others=", ".join(named))) if named else []


def _named(device: DeviceView, language: str) -> str:
    kind, label = _words(device.kind, language), device.name or device.label
    return f"{kind} ({label})" if label else kind


def _words(key: str, language: str) -> str:
    words = _all()[key]
    return words.get(language) or words[FALLBACK]


@cache
def _all() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("messages.toml").read_text(encoding="utf-8"))


def _parts(text: str) -> list[Attribute]:
    """Split the text into attributes, never within a character."""
    parts = [b""]
    for character in text:
        data = character.encode()
        if len(parts[-1]) + len(data) > MOST_VALUE:
            parts.append(b"")
        parts[-1] += data
    return [(Type.REPLY_MESSAGE, part) for part in parts[:_MOST_PARTS]]
