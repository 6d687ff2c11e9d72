"""The calls of python-pskc, which interprets PSKC documents and their encryption. The library is imported on first use."""

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element  # its parser is not used

from dsc_host.errors import InputError

if TYPE_CHECKING:
    from pskc import PSKC
    from pskc.device import Device

# The library's type hints name lxml's elements. At run time, the library also accepts elements of the standard library.


def document(root: Element | None = None) -> "PSKC":
    """Return the PSKC document with this root element, or an empty document.

    Raises `InputError` if the library is not installed, and any error that the library raises.
    """
    try:
        from pskc import PSKC
        from pskc.parser import PSKCParser
    except ImportError:
        raise InputError("PSKC", "needs python-pskc, which is not installed: pip install 'dscplus[pskc]'") from None
    read = PSKC()
    if root is not None:
        PSKCParser.parse_document(read, _any(root))
    return read


def device(document: "PSKC", package: Element) -> "Device":
    """Parse one `KeyPackage`, which replaces the document's other packages. Raises any error of the library."""
    from pskc.parser import PSKCParser

    # Reuse the document. A new document for each package would double the time.
    document.devices.clear()
    read = document.add_device()
    PSKCParser.parse_key_package(read, _any(package))
    return read


def encrypted_value(element: Element) -> tuple[str | None, bytes | None]:
    """Return the algorithm and the ciphertext of an `EncryptedValue`. Raise `ValueError` if it is not Base64."""
    from pskc.parser import PSKCParser

    return PSKCParser.parse_encrypted_value(_any(element))


def _any(element: Element) -> Any:
    return element
