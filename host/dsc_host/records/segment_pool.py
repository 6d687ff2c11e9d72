"""Processes that check stretches of the audit log in parallel, one for each processor.

Threads would not help: while Python hashes small entries, it holds the interpreter's lock. The processes are plain
subprocesses: they do not import the program that started them, and work in the same way on every system.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from threading import Thread
from typing import Any

from dsc_host.records.segment_walk import Stretch, Walked
from dsc_host.records.segment_worker import Source

# With -P, Python imports no modules from the working directory, to which other users may be able to write.
_COMMAND = (sys.executable, "-P", "-m", "dsc_host.records.segment_worker")


def processors() -> int:
    """Return the number of processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SegmentPool:
    """The processes that check stretches. A stretch without a result was not checked, so the caller must check it."""

    def __init__(self, source: Source, stretches: Sequence[Stretch]) -> None:
        """Start a process for each processor, but no more processes than there are stretches. `source` is the database."""
        self._source = source
        self._left = deque(enumerate(stretches))
        self._results: dict[int, Walked] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._threads = [
            Thread(target=self._feed, args=(process,), daemon=True)
            for process in (self._start() for _ in range(min(processors(), len(stretches))))
            if process is not None
        ]
        for thread in self._threads:
            thread.start()

    def results(self, done: Callable[[int], object]) -> dict[int, Walked]:
        """Wait for the processes, and return their results, by the position of the stretch in the sequence of stretches.

        Meanwhile, call `done` with the number of entries that were checked so far, whenever this number has changed.
        """
        seen = 0
        for thread in self._threads:
            while thread.is_alive():
                thread.join(timeout=0.1)
                if (entries := sum(walked.entries for walked in list(self._results.values()))) != seen:
                    seen = entries
                    done(seen)
        return self._results

    def close(self) -> None:
        """End the processes."""
        self._left.clear()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe and pipe.close()

    def _start(self) -> "subprocess.Popen[str] | None":
        try:
            process = subprocess.Popen(
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="ascii"
            )
        except OSError:
            # There is no interpreter to start, for example in a frozen program, so the caller checks everything.
            return None
        self._processes.append(process)
        return process

    def _feed(self, process: "subprocess.Popen[str]") -> None:
        with suppress(OSError, ValueError):
            _write(process, asdict(self._source))
            while self._left:
                try:
                    position, stretch = self._left.popleft()
                except IndexError:
                    return
                before = stretch.before and stretch.before.hex()
                _write(process, {"after": stretch.after, "last": stretch.last, "before": before})
                self._results[position] = _walked(json.loads(process.stdout.readline() if process.stdout else ""))


def _write(process: "subprocess.Popen[str]", content: dict[str, Any]) -> None:
    if process.stdin:
        process.stdin.write(json.dumps(content) + "\n")
        process.stdin.flush()


def _walked(content: dict[str, Any]) -> Walked:
    start, end = (bytes.fromhex(content[name]) for name in ("start", "hash"))
    return Walked(start, content["entries"], content["number"], end, tuple(content["problems"]))
