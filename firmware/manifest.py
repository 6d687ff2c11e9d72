"""A manifest that freezes the card's firmware into your own MicroPython. Your board's manifest includes it with include().

With main=False, the board does not start the card at power-up.
"""

import os

metadata(version="0.1.0", description="A challenge-response security card", license="MIT")
options.defaults(main=True)

if os.path.isdir("dsc_firmware"):
    package("dsc_firmware")
else:
    # The files that `dscplus image` made are already compiled.
    freeze("lib")

if options.main:
    module("main.py")
