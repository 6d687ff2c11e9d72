"""What Textual does not see to: a terminal, or a page's server, that is closed under the program."""

import os
import select
import signal
import sys
import threading


def leave_with_terminal() -> None:
    """End this process at once when its terminal, or the server of its page, has gone, whatever it is doing then.

    Textual would wait for ever for its last words to be taken. There is nothing to put in order: the system closes the doors
    and gives the profile's lock up, and what the card has written is on disk.
    """
    if not hasattr(select, "poll") or not sys.__stdin__:
        return
    # Elsewhere, standard input may end long before the program is to.
    if not sys.__stdin__.isatty() and "TEXTUAL_DRIVER" not in os.environ:
        return
    gone = select.poll()
    # Asked for nothing, it tells of a hang-up alone.
    gone.register(sys.__stdin__.fileno(), 0)
    threading.Thread(target=_wait, args=(gone,), name="terminal-watch", daemon=True).start()


def _wait(gone: "select.poll") -> None:
    gone.poll()
    os._exit(128 + signal.SIGHUP)
