"""The packages that only flashing needs, imported when they are asked for: they are an extra."""

from importlib import import_module
from types import ModuleType

from dsc_host.flash.errors import FlashError


def needed(module: str) -> ModuleType:
    """The module of this name. Raises FlashError, with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise
        raise FlashError(f"{package} is not installed; pip install 'dscplus[flash]'") from error
