"""The firmware's files, imported into this interpreter."""

import platform

from dsc_firmware.app import App
from dsc_simulator.board import SimulatedBoard
from dsc_simulator.errors import FirmwareCrash, PowerCut


class CPythonEngine:
    """Starts in about a millisecond; the default for testing other people's code."""

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
        return f"CPython {platform.python_version()}"

    @property
    def instructions(self) -> None:
        return None

    def memory(self) -> None:
        return None

    def poll(self) -> int:
        if self._app is None:
            raise FirmwareCrash(self._end)
        try:
            due: int = self._app.poll()
        except PowerCut:
            self._app = None
            raise
        except BaseException as error:
            # Whatever it was, Ctrl-C too: the firmware was stopped in the middle, as by a power cut.
            self._app, self._end = None, repr(error)
            if isinstance(error, Exception):
                raise FirmwareCrash(self._end) from error
            raise
        return due

    def close(self) -> None:
        self._app = None
