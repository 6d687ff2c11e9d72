"""The package.json for `mpremote mip install`. It says which file is installed at which path below the board's `/lib`."""

import json
import re
from collections.abc import Mapping

from dsc_host.flash.errors import FlashError
from dsc_host.flash.firmware import LIBRARY, PACKAGE, sources

_VERSION = re.compile(rb'^VERSION = "([^"]+)"$', re.MULTILINE)


def firmware_version() -> str:
    """Return the firmware's version from its source. Raises FlashError if the source does not state a version."""
    found = _VERSION.search(sources()[f"{PACKAGE}/__init__.py"])
    if found is None:
        raise FlashError(f"{PACKAGE} does not state its version")
    return found[1].decode()


def checkout_package() -> bytes:
    """Return the package.json for the folder of the firmware's sources, from which it installs the sources."""
    return _package({path: path for path in sources()})


def image_package(compiled: Mapping[str, bytes]) -> bytes:
    """Return the package.json for the folder of an image, from which it installs the compiled modules in `lib/`."""
    return _package({path.removeprefix(f"{LIBRARY}/"): path for path in compiled})


def _package(urls: Mapping[str, str]) -> bytes:
    """Return a package.json. `urls` maps a file's path below the board's `/lib` to its path relative to package.json."""
    # Write one line for each file, so that a diff shows which files have changed.
    lines = ",\n".join(f"    {json.dumps(pair)}" for pair in sorted(urls.items()))
    version = json.dumps(firmware_version())
    return f'{{\n  "version": {version},\n  "deps": [],\n  "urls": [\n{lines}\n  ]\n}}\n'.encode()
