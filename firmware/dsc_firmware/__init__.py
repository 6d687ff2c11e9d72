"""The card: state machine, response generation, storage and serial line.

The package runs unchanged on MicroPython 1.24 or newer and on CPython. It imports only modules that MicroPython has. A board
builds one object with the ports that `ports.py` describes, passes this object to `App`, and calls `App.poll()` forever.
"""

VERSION = "0.1.0"
