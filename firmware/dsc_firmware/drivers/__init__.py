"""One module for each part that a board may be made of: the ports of `ports.py`, over pins and buses that are given to it.

Nothing is imported here, so that a board loads what it has. Only `dsc_firmware.boards` knows the chip's own modules.
"""
