"""The error of building or writing a board's files."""

from dsc_host.errors import DscError


class FlashError(DscError):
    """The files for a board could not be made or written."""
