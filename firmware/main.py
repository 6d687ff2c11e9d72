"""The program that runs at power-up: it starts the card that `board.json` describes."""

from dsc_firmware.boards import run

run()
