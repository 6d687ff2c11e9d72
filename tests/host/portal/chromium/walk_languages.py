"""The languages of walks: one for each walk, which depends only on its name, or the languages that `--languages` names."""

from argparse import ArgumentTypeError
from zlib import crc32

import pytest

from dsc_host.portal.languages import NAMES

_ALL = tuple(NAMES)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give a walk its languages, unless it names them itself."""
    named = any("language" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    if "language" in metafunc.fixturenames and not named:
        chosen = metafunc.config.getoption("--languages")
        metafunc.parametrize("language", chosen or (rotated(metafunc.function.__name__),))


def rotated(name: str) -> str:
    """Return the language of the walk with this name. It is the same in any order, and in any number of processes."""
    return _ALL[crc32(name.encode()) % len(_ALL)]


def chosen(text: str) -> tuple[str, ...]:
    """Return the languages that the text of the option names. Raises `ArgumentTypeError`."""
    codes = tuple(dict.fromkeys(code.strip() for code in text.split(",")))
    if unknown := [code for code in codes if code not in _ALL]:
        raise ArgumentTypeError(f"there is no {unknown[0]!r}; the portal has {', '.join(_ALL)}")
    return codes
