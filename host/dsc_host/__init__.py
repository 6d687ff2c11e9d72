"""The host's part of dscplus: it talks to a card, issues challenges, verifies responses, and keeps the records.

Import only the names listed here. Every error is a `DscError` or one of its subclasses.
Each name is imported when it is first used: `__init__.pyi` lists them with their modules.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
