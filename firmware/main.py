"""Runs at power-up: starts the card that `board.json` describes."""

from dsc_firmware.boards import run

run()
