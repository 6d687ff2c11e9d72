"""The error of making or writing the files for a board."""

from dsc_host.errors import DscError


class FlashError(DscError):
    """The files for a board could not be made or written."""
