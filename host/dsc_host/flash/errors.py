"""The error that is raised if the files for a board cannot be made or written."""

from dsc_host.errors import DscError


class FlashError(DscError):
    """The files for a board could not be made or written."""
