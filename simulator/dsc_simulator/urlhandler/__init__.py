"""`sim://` for pyserial. `register` makes `serial.serial_for_url` look here."""

import serial


def register() -> None:
    """Tell pyserial about this package, once."""
    if __name__ not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(__name__)
