"""The verifier's database file: its URL, a card in it, and the file as other programs see it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dsc_host.verifier import MasterKey

MASTER = MasterKey(bytes(range(32)))
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
KEY = b"a key that is found if it leaks!"
PIN = "7391"

posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions and forks are POSIX's")


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as another program does."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()
