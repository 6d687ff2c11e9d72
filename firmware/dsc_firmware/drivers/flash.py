"""The port `flash`: two slots that are two files of the board's file system."""

from errno import ENOENT

from dsc_firmware.ports import const

_SLOT_MAX = const(1024)


class FileFlash:
    """`folder` is "" for the root. A file cut short is bytes like any other; only one that is not there is None."""

    def __init__(self, folder=""):
        self._paths = (folder + "/dsc0.bin", folder + "/dsc1.bin")

    def read(self, slot):
        try:
            with open(self._paths[slot], "rb") as file:
                return file.read(_SLOT_MAX)
        except OSError as error:
            # Everything else may be a slot that holds a record, and must not look like a card that never had one.
            if error.args[0] != ENOENT:
                raise
            return None

    def write(self, slot, data):
        with open(self._paths[slot], "wb") as file:
            file.write(data)
