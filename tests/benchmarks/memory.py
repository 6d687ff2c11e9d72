"""The peak memory of a process. The processes that a benchmark starts import this module."""

import re
import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    if sys.platform == "linux":
        # Not from getrusage, which includes the parent's memory at the start of this process.
        found = re.search(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
        assert found, "the system does not report the peak memory"
        return int(found[1]) * 1024
    return _bytes(resource.RUSAGE_SELF)


def peak_memory_of_children() -> int:
    """Return the most memory that one ended child of this process has had, in bytes.

    It includes the memory of this process when the child started.
    """
    return _bytes(resource.RUSAGE_CHILDREN)


def _bytes(whose: int) -> int:
    return resource.getrusage(whose).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
