"""Shared parts of the programs that tests give to `play`: a display of each kind, a board, and a login's responses."""

from collections.abc import Callable

from dsc_host import Suite

Play = Callable[[str], list[str]]

KINDS = ["hd44780", "ssd1306-64", "ssd1306-32", "ht16k33"]

KEY = bytes.fromhex("40" * 32)

RESPONSES = [
    Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256").response(KEY, "482913", counter=counter, pin="1234")
    for counter in (0, 1)
]

ONE = """
personalize(FOLDER)
fields, seen = plug_in("hd44780")
def lines():
    return bytes(machine.uarts[0].outbox).decode().split("\\n")[:-1]
"""
