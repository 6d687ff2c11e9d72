"""What goes wrong when a board's files are made or written."""

from dsc_host.errors import DscError


class FlashError(DscError):
    """The files for a board could not be made or could not be written."""
