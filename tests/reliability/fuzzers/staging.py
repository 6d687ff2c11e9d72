"""A profile's staging: each refusal is a ProfileError that names its field, and accepted fields make a card that starts.

The input is lines of `name=value`. A line without `=` clears all fields.
"""

import re

from dsc_firmware import journal
from dsc_firmware.profile import Profile, ProfileError
from dsc_simulator import Flash, SimulatedCard


def check(data: bytes) -> None:
    profile = Profile()
    for line in data.split(b"\n"):
        name, equals, value = line.partition(b"=")
        if not equals:
            profile.forget()
        elif re.fullmatch(rb"[a-z]+", name):  # This is the line's own rule: other names never come this far.
            stage(profile, name.decode(), value)
    if passes(profile):
        check_card(profile)


def stage(profile: Profile, name: str, value: bytes) -> None:
    words = ""
    try:
        profile.stage(name, memoryview(value))
    except ProfileError as error:
        words = str(error)
    assert words.startswith(f"{name}: ") or not words, "the refusal names another field"
    assert len(value) < 32 or value not in words.removeprefix(name).encode(), "the refusal reveals a key"


def passes(profile: Profile) -> bool:
    words = ""
    try:
        profile.check()
    except ProfileError as error:
        words = str(error)
    assert re.match("[a-z]+: .", words) or not words
    return not words


def check_card(profile: Profile) -> None:
    flash = Flash()
    made = journal.Journal(flash)
    made.load()
    profile.fill(made.record)
    assert made.store_twice()
    again = journal.Journal(flash)
    assert again.load() == journal.READY
    with SimulatedCard(flash=flash, seed=1) as card:
        assert card.press("PRESS") == "PIN>"
