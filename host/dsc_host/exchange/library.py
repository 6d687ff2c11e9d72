"""python-pskc, which knows what a PSKC document means and how its values are encrypted: imported when it is first needed."""

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element  # only read here

from dsc_host.errors import InputError

if TYPE_CHECKING:
    from pskc import PSKC
    from pskc.device import Device

# The library's types have lxml's elements; it asks nothing of them that Python's own do not have.


def document(root: Element | None = None) -> "PSKC":
    """The PSKC document with this root, or an empty one.

    Raises `InputError` if the library is not installed, and whatever the library raises.
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
    """The one `KeyPackage`, in the place of those that the document had. Raises whatever the library raises."""
    from pskc.parser import PSKCParser

    # A document for each package would take as long again.
    document.devices.clear()
    read = document.add_device()
    PSKCParser.parse_key_package(read, _any(package))
    return read


def encrypted_value(element: Element) -> tuple[str | None, bytes | None]:
    """The algorithm and the ciphertext of an `EncryptedValue`. Raises `ValueError` for what is no Base64."""
    from pskc.parser import PSKCParser

    return PSKCParser.parse_encrypted_value(_any(element))


def _any(element: Element) -> Any:
    return element
