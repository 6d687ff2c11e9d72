"""A case that Textual does not handle: the terminal, or the web server that shows the program, goes away."""

import os
import select
import signal
import sys
import threading


def leave_with_terminal() -> None:
    """End this process at once when its terminal, or the server of its page, closes, whatever it is doing then.

    Textual would wait forever for its last output to be read. Nothing needs cleaning up: the system closes the line's
    endpoints and releases the profile's lock, and what the card has written is on disk.
    """
    if not hasattr(select, "poll") or not sys.__stdin__:
        return
    # Elsewhere, standard input may end long before the program should.
    if not sys.__stdin__.isatty() and "TEXTUAL_DRIVER" not in os.environ:
        return
    gone = select.poll()
    # A poll that asks for no event still reports a hang-up.
    gone.register(sys.__stdin__.fileno(), 0)
    threading.Thread(target=_wait, args=(gone,), name="terminal-watch", daemon=True).start()


def _wait(gone: "select.poll") -> None:
    gone.poll()
    os._exit(128 + signal.SIGHUP)
