"""Two cases that Textual does not handle: the terminal is closed, or the input is not valid text."""

import codecs
import os
import select
import sys
import threading
from collections.abc import Callable
from functools import partial

_HANGUP = 1
"""The number of the signal SIGHUP, which Windows does not have."""


def take_any_bytes() -> None:
    """Treat input that is not UTF-8, for example pasted bytes, as unknown keys. Otherwise Textual would fail with an error."""
    if sys.platform == "win32":
        return
    # Windows does not have this module.
    from textual.drivers import linux_driver

    vars(linux_driver)["getincrementaldecoder"] = _forgiving_decoder


def _forgiving_decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def leave_with_terminal() -> None:
    """End this process immediately when its terminal, or the server of its page, is closed.

    Otherwise Textual would wait forever for somebody to read its last output. No cleanup is needed: the system closes the
    line's endpoints and releases the profile's lock, and the card's writes are already on disk.
    """
    if sys.platform == "win32" or not hasattr(select, "poll") or not sys.__stdin__:
        return
    # If standard input is not a terminal, its end does not mean that the program should end.
    if not sys.__stdin__.isatty() and "TEXTUAL_DRIVER" not in os.environ:
        return
    gone = select.poll()
    # Request no events: a poll always reports a hang-up.
    gone.register(sys.__stdin__.fileno(), 0)
    threading.Thread(target=_exit_after, args=(gone.poll,), name="terminal-watch", daemon=True).start()


def _exit_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(128 + _HANGUP)
