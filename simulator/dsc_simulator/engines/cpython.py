"""An engine that imports the firmware into this interpreter."""

import platform

from dsc_firmware.app import App
from dsc_simulator.board import SimulatedBoard
from dsc_simulator.errors import FirmwareCrash, PowerCut


class CPythonEngine:
    """The firmware on CPython. It starts in about a millisecond, and is the default of the pytest plugin."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._end = "the power is off"
        try:
            self._app: App | None = App(board)
        except PowerCut:
            raise
        except Exception as error:
            raise FirmwareCrash(f"at boot: {error!r}") from error

    @property
    def interpreter(self) -> str:
        """The interpreter with its version, as text for a person."""
        return f"CPython {platform.python_version()}"

    @property
    def instructions(self) -> None:
        """None: this engine does not count instructions."""

    def memory(self) -> None:
        """Return None: with this engine, the firmware has no separate RAM."""

    def poll(self) -> int:
        """Run one pass of the firmware. Return the milliseconds until the next pass is due. Raise FirmwareCrash or PowerCut."""
        if self._app is None:
            raise FirmwareCrash(self._end)
        try:
            due: int = self._app.poll()
        except PowerCut:
            self._app = None
            raise
        except BaseException as error:
            # Any exception, including Ctrl-C, has stopped the firmware in the middle, like a power cut.
            self._app, self._end = None, repr(error)
            if isinstance(error, Exception):
                raise FirmwareCrash(self._end) from error
            raise
        return due

    def close(self) -> None:
        """Cut the power. The contents of the flash remain."""
        self._app = None
