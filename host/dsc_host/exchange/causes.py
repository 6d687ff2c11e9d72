"""The usual reasons why a file is not PSKC, each with a remedy."""

from xml.parsers import expat
from xml.parsers.expat import errors

_BEGINNINGS = (
    (b"PK\x03\x04", "is a ZIP archive; unpack it, and import the file in it"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it, and import the file in it"),
    (b"-----BEGIN PGP", "is encrypted or signed with OpenPGP; open it with your OpenPGP program first"),
    (b"-----BEGIN", "is PEM, such as a certificate, an RSA key or a CMS message, not PSKC; open it first"),
)
_SAVE = "save it in the encoding that its first line names, preferably UTF-8"
_BY_CODE = {
    errors.codes[errors.XML_ERROR_MISPLACED_XML_PI]: "has blanks, empty lines or text before <?xml; delete them",
    errors.codes[errors.XML_ERROR_INCORRECT_ENCODING]: f"is not in the encoding that its first line names; {_SAVE}",
    errors.codes[errors.XML_ERROR_PARTIAL_CHAR]: f"is not in the encoding that its first line names; {_SAVE}",
}
_INVALID_TOKEN = errors.codes[errors.XML_ERROR_INVALID_TOKEN]
_DRAFT_ROOTS = ("KeyContainer", "SecretContainer")
_MOST_SHOWN = 80


def beginning(data: bytes) -> str | None:
    """Return a message if a file that begins with `data` is of a known kind other than XML, otherwise None."""
    return next((problem for mark, problem in _BEGINNINGS if data.startswith(mark)), None)


def xml_error(error: expat.ExpatError, at: bytes) -> str:
    """Return a message for a file that is not well-formed XML. `at` is the part of the file from the error on."""
    if error.code == _INVALID_TOKEN and at[:1] >= b"\x80":
        return f"has bytes that are invalid in the encoding that its first line names; {_SAVE}"
    known = _BY_CODE.get(error.code)
    return known or f"is not well-formed XML ({expat.ErrorString(error.code)}); is it complete?"


def other_root(namespace: str, name: str, wanted: str) -> str:
    """Return a message for a file whose root is not that of RFC 6030."""
    if name in _DRAFT_ROOTS:
        shown = f"namespace {ascii(namespace[:_MOST_SHOWN])[1:-1]}" if namespace else "no namespace"
        return f"follows a draft of PSKC ({shown}), not RFC 6030; export it as PSKC 1.0, with the namespace {wanted}"
    return f"is not PSKC (RFC 6030): its root must be KeyContainer of {wanted}"
