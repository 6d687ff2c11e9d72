"""The host's part of dscplus: it talks to a card, issues challenges, verifies responses, and keeps the records.

Import only the names in `__init__.pyi`, which lists each name with its module. A module is imported when one of its names is
first used. The errors that the library defines are `DscError` and its subclasses.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
