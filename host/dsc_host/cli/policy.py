"""The option that names a file with a policy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dsc_host.login import Policy

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", envvar="DSCPLUS_POLICY", metavar="FILE", help="A TOML file with changes to the default policy."),
]


def load_policy(file: Path | None) -> "Policy":
    """Return the policy in `file`, or the default policy without a file. Raises `InputError`."""
    # Import the module here: it loads slowly, and `--help` must be fast.
    from dsc_host.login import Policy

    return Policy.default() if file is None else Policy.load(file)
