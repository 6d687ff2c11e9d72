"""Imports of the packages in the optional extra `flash`, at the time when a package is needed."""

from importlib import import_module
from types import ModuleType

from dsc_host.flash.errors import FlashError


def needed(module: str) -> ModuleType:
    """Import and return a module. If its package is not installed, raise FlashError with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise
        raise FlashError(f"{package} is not installed; pip install 'dscplus[flash]'") from error
