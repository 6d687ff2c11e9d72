"""The `dscplus` command: commands print their results on stdout and everything else on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no card or several cards, 4 response not accepted, 5 link lost or timed out,
6 the audit log is not sound, 130 stopped by Ctrl-C.
Other packages add commands through the entry-point group `dscplus.commands`. They may use the names listed here.
"""

from dsc_host.cli.main import main
from dsc_host.cli.options import (
    DEFAULT_SUITES,
    OWNER_SECONDS,
    DatabaseOption,
    JsonOption,
    MasterKeyOption,
    TimeoutOption,
    check_timeout,
    open_verifier,
)
from dsc_host.cli.output import Failed, notice, show

__all__ = [
    "DEFAULT_SUITES",
    "OWNER_SECONDS",
    "DatabaseOption",
    "Failed",
    "JsonOption",
    "MasterKeyOption",
    "TimeoutOption",
    "check_timeout",
    "main",
    "notice",
    "open_verifier",
    "show",
]
