"""Freezes the card's firmware into a MicroPython of your own: include() this file in your board's manifest.

With main=False, the board does not start as a card by itself.
"""

import os

metadata(version="0.1.0", description="A challenge-response security card", license="MIT")
options.defaults(main=True)

if os.path.isdir("dsc_firmware"):
    package("dsc_firmware")
else:
    # What `dscplus image` made: compiled already.
    freeze("lib")

if options.main:
    module("main.py")
