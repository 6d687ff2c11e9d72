"""Commands whose packages are optional extras of the distribution."""

from collections.abc import Iterator
from contextlib import contextmanager

from dsc_host.cli.output import Failed


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Raise `Failed`, which says how to install the extra, if a package that the block imports is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dsc_host"):
            raise
        raise Failed(f"this command needs more packages; install them: pip install 'dscplus[{extra}]'") from None
