"""The `sim://` handler of pyserial. `register` makes `serial.serial_for_url` look in this package."""

import serial


def register() -> None:
    """Add this package to pyserial's URL handlers, once."""
    if __name__ not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(__name__)
