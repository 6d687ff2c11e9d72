"""The card: state machine, response generation, storage and serial line.

The package runs on MicroPython 1.24 or newer and, apart from `boards`, unchanged on CPython. The program of a board builds one
object with the ports that `ports.py` describes, passes this object to `App`, and calls `App.poll()` forever.
"""

VERSION = "0.1.0"
