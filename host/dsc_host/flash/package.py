"""The package.json that `mpremote mip install` reads: what to copy where, below the board's `/lib`."""

import json
import re
from collections.abc import Mapping

from dsc_host.flash.errors import FlashError
from dsc_host.flash.firmware import LIBRARY, PACKAGE, sources

_VERSION = re.compile(rb'^VERSION = "([^"]+)"$', re.MULTILINE)


def firmware_version() -> str:
    """The firmware's version, as its source has it."""
    found = _VERSION.search(sources()[f"{PACKAGE}/__init__.py"])
    if found is None:
        raise FlashError(f"{PACKAGE} does not say its version")
    return found[1].decode()


def checkout_package() -> bytes:
    """The package.json beside the firmware's sources, which installs these."""
    return _package({path: path for path in sources()})


def image_package(compiled: Mapping[str, bytes]) -> bytes:
    """The package.json beside `lib/`, which installs the compiled modules in it."""
    return _package({path.removeprefix(f"{LIBRARY}/"): path for path in compiled})


def _package(urls: Mapping[str, str]) -> bytes:
    """`urls`: where a file is, relative to package.json, by its place below the board's `/lib`."""
    # A file a line, so that a change of one is a change of one line.
    lines = ",\n".join(f"    {json.dumps(pair)}" for pair in sorted(urls.items()))
    version = json.dumps(firmware_version())
    return f'{{\n  "version": {version},\n  "deps": [],\n  "urls": [\n{lines}\n  ]\n}}\n'.encode()
