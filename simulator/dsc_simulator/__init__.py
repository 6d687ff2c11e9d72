"""A simulated card: a software board that runs the real firmware.

Each name is imported when it is first used: every run of pytest imports this package, but few runs need a card.
`__init__.pyi` lists the names with their modules. Importing the package makes `sim://` known to pyserial.
"""

import lazy_loader

from dsc_simulator.urlhandler import register as _register

_register()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
