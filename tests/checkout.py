"""The paths of this repository's files, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
FIRMWARE = ROOT / "firmware"
