"""The card itself: state machine, response generation, storage and serial line.

Runs unchanged on MicroPython 1.24 or newer and on CPython, and imports nothing but MicroPython's own modules. A board
makes one object with the ports that `ports.py` describes, gives it to `App`, and calls `App.poll()` for ever.
"""

VERSION = "0.1.0"
