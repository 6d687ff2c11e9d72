"""The error for a command that needs the packages of an optional extra."""

from collections.abc import Iterator
from contextlib import contextmanager

from dsc_host.cli.output import Failed


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Raise `Failed` if the block imports a package that is not installed. The message says how to install the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dsc_host"):
            raise
        raise Failed(f"this command needs more packages; install them: pip install 'dscplus[{extra}]'") from None
