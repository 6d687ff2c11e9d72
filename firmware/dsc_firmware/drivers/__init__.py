"""Drivers: one module for each part of a board. They implement the ports of `ports.py` over given pins and buses.

This package imports nothing, so that a board loads only its own parts. Only `dsc_firmware.boards` uses the chip's modules.
"""
