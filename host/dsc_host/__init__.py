"""The host's half of the login: talk to a card, issue challenges, verify responses, keep the records.

Import only the names listed here. Every error is a `DscError` or one of its subclasses.
Each name is imported when it is first used: `__init__.pyi` lists them with their modules.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
