"""Drivers: one module for each kind of part. A driver implements a port of `ports.py`, with the pins or the bus that it gets.

This package imports no driver, so that a board loads no driver for a part that it does not have.
"""
