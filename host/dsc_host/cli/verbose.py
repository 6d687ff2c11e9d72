"""The log on stderr, for `dscplus --verbose`. It shows requests to a card without their values, so it has no secrets."""

import logging

from dsc_host.cli.output import notice


class _Notices(logging.Handler):
    """A log handler that prints each record as a message of the command."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record's message on stderr."""
        notice(record.getMessage())


def show_log() -> None:
    """Print the log of this process on stderr from now on."""
    log = logging.getLogger("dsc_host")
    log.handlers = [_Notices()]
    log.setLevel(logging.INFO)
