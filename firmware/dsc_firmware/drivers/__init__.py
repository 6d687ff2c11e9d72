"""Drivers: one module for each part of a board. They implement the ports of `ports.py` with pins and buses that they get.

This package imports no driver, so that a board loads only the drivers of its own parts.
"""
