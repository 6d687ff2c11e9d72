"""The card: state machine, response generation, storage and serial line.

It runs unchanged on MicroPython 1.24 or newer and on CPython, and imports only MicroPython's own modules. A board
builds one object with the ports that `ports.py` describes, passes it to `App`, and calls `App.poll()` forever.
"""

VERSION = "0.1.0"
