"""An earlier version of the host from the project's history, to compare with."""

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_in_history(commit: str) -> bool:
    """Return whether the commit can be read. A source distribution and a shallow clone do not have it."""
    try:
        found = subprocess.run(("git", "cat-file", "-e", f"{commit}^{{commit}}"), cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return found.returncode == 0


@contextmanager
def host_of(commit: str) -> Iterator[Path]:
    """Provide a temporary folder with the host's packages of that commit, for `PYTHONPATH`."""
    packed = subprocess.run(("git", "archive", commit, "host"), cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="dsc-earlier-") as folder:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder, "host")
