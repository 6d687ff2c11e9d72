"""The log of the two HTTP servers for the operator, with one JSON object per line.

No line holds a token, a response, a PIN, or a path or query as a client sent it. For an unexpected exception, the log has the
class and the place in the code. It does not have the message, which may quote such values.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

_FRAMES = 12
"""The largest number of calls in the description of an exception's place."""


class JsonLines(logging.Formatter):
    """A formatter that writes `time`, `level`, `event`, and the fields that the code logs with `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line of JSON."""
        event = record.getMessage().strip()
        if record.name == "asyncio":
            # asyncio quotes the exception in the further lines, and the arguments of a callback in the first line.
            event = event.partition("\n")[0].partition("(")[0]
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": event,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line |= {"error": kind.__name__, "where": _places(trace)}
        return json.dumps(line)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def configuration(file: Path | None = None) -> dict[str, Any]:
    """Return settings for `logging.config.dictConfig`. Records are appended to `file`, or go to stderr if `file` is None."""
    to_file = {"class": "logging.FileHandler", "filename": str(file), "encoding": "utf-8", "formatter": "json"}
    to_stderr = {"class": "logging.StreamHandler", "formatter": "json"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.JsonLines"}},
        "handlers": {"log": to_stderr if file is None else to_file},
        "root": {"level": "INFO", "handlers": ["log"]},
    }
