"""A streaming parser of PSKC files. Its memory does not grow with the length of the file.

Three promises:

1. A document type declaration (DTD) is refused as soon as it begins. So a file cannot define entities.
2. Memory holds at most one chunk, its pieces, and one unfinished tag or comment of 1 MiB. A piece that is too large is skipped
   and reported.
3. The root's namespace is checked. The names of other elements have no namespace, because python-pskc ignores namespaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder  # its parser is not used
from xml.parsers import expat

from dsc_host.errors import InputError
from dsc_host.exchange import causes

NAMESPACE = "urn:ietf:params:xml:ns:keyprov:pskc"
MOST_PIECE = 64 * 1024
"""The maximum size of a piece in characters, with the names in its markup. The package of a card has one or two thousand."""
MOST_DEPTH = 32
_MOST_TOKEN = 1024 * 1024  # bytes that the parser may buffer until it has a whole tag or comment
_CHUNK = 64 * 1024
_PIECES = ("EncryptionKey", "MACMethod", "KeyPackage")


@dataclass(frozen=True, slots=True)
class Piece:
    """A child of the root: `EncryptionKey`, `MACMethod` or `KeyPackage`. Other children are skipped."""

    name: str
    line: int
    element: Element | None
    """The parsed element, or None if it was too large."""


def pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the document's pieces in order.

    Raises `InputError`, which names the line, if the document is not well-formed XML, is not PSKC 1.0, or has a part of its
    head after a package. Raises it also if the document ends too early, has a DTD, or is nested too deeply. Pieces that were
    yielded before the error stay valid.
    """
    reader = _Pieces()
    for error in _feed_all(file, reader):
        # Before raising an error, yield the pieces that precede it, even those of the same chunk.
        yield from reader.take()
        if error is not None:
            raise error


def check(file: BinaryIO) -> None:
    """Raise the errors of `pieces` for the whole file, without building any piece."""
    for error in _feed_all(file, _Outline()):
        if error is not None:
            raise error


def refusal(line: int, problem: str) -> InputError:
    """Return an error for the whole file."""
    return InputError("PSKC file", f"line {line}: {problem}")


def _feed_all(file: BinaryIO, reader: "_Outline") -> Iterator[InputError | None]:
    more = True
    while more:
        chunk = file.read(_CHUNK)
        more = bool(chunk)
        yield reader.feed(chunk)


class _Outline:
    """A handler of the parser's events that checks the structure of the file."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._bytes_fed = 0
        self._depth = 0
        self._has_package = False

    def feed(self, chunk: bytes) -> InputError | None:
        """Parse the next chunk. An empty chunk is the end of the file. Return the error, if there is one."""
        try:
            if not self._bytes_fed and (problem := causes.beginning(chunk)):
                raise refusal(1, problem)
            self._parse(chunk, final=not chunk)
        except InputError as error:
            return error
        self._bytes_fed += len(chunk)
        if self._bytes_fed - self._parser.CurrentByteIndex > _MOST_TOKEN:
            return self._refusal("a tag or comment is longer than 1 MiB, which no PSKC file needs")
        if not chunk and not self._has_package:
            return refusal(1, "holds no KeyPackage")
        return None

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            at = max(0, self._parser.ErrorByteIndex - self._bytes_fed)
            raise refusal(error.lineno, causes.xml_error(error, chunk[at:])) from None
        except InputError:
            raise
        except (LookupError, ValueError):  # the encoding is unknown to Python, or has several bytes for a character
            raise refusal(1, "its encoding is not supported; save it as UTF-8") from None

    def _doctype(self, *_: object) -> None:
        raise self._refusal("has a document type declaration (DTD), which no PSKC file needs; remove it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth <= 2:
            namespace, _, local = name.rpartition(" ")
            if self._depth == 1:
                self._check_root(namespace, local, attributes)
            elif namespace == NAMESPACE and local in _PIECES:
                self._begin_piece(local)
        elif self._depth > MOST_DEPTH:
            raise self._refusal(f"is nested more than {MOST_DEPTH} levels deep")

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _check_root(self, namespace: str, name: str, attributes: dict[str, str]) -> None:
        if (namespace, name) != (NAMESPACE, "KeyContainer"):
            raise self._refusal(causes.other_root(namespace, name, NAMESPACE))
        if attributes.get("Version", "1.0") not in ("1", "1.0"):
            raise self._refusal("must be PSKC version 1.0")

    def _begin_piece(self, piece: str) -> None:
        """Begin a piece. Raise `InputError` if it belongs to the head, but comes after a package."""
        if piece == "KeyPackage":
            self._has_package = True
        elif self._has_package:
            raise self._refusal(f"its {piece} must come before the first KeyPackage")

    def _refusal(self, problem: str) -> InputError:
        return refusal(self._parser.CurrentLineNumber, problem)


class _Pieces(_Outline):
    """A handler of the parser's events that builds pieces."""

    def __init__(self) -> None:
        super().__init__()
        self._parser.CharacterDataHandler = self._text
        self._ready: list[Piece] = []
        self._name = ""
        self._line = 0
        self._size = 0
        self._builder: TreeBuilder | None = None

    def take(self) -> list[Piece]:
        """Return the finished pieces and forget them."""
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        super()._start(name, attributes)
        if self._builder is None:
            return
        local = name.rpartition(" ")[2]
        size = len(local)
        if attributes:
            size += sum(len(key) + len(value) for key, value in attributes.items())
            attributes = {key: value for key, value in attributes.items() if " " not in key}
        if self._grow(size):
            self._builder.start(local, attributes)

    def _begin_piece(self, piece: str) -> None:
        super()._begin_piece(piece)
        self._name, self._line, self._size = piece, self._parser.CurrentLineNumber, 0
        self._builder = TreeBuilder()

    def _end(self, name: str) -> None:
        super()._end(name)
        if self._builder is not None:
            self._builder.end(name.rpartition(" ")[2])
        if self._depth == 1 and self._name:
            element = None if self._builder is None else self._builder.close()
            self._ready.append(Piece(self._name, self._line, element))
            self._name, self._builder = "", None

    def _text(self, text: str) -> None:
        if self._builder is not None and self._grow(len(text)):
            self._builder.data(text)

    def _grow(self, by: int) -> bool:
        """Count more characters of the piece. Return whether the piece is still small enough. If not, skip its rest."""
        self._size += by
        if self._size > MOST_PIECE:
            self._builder = None
        return self._builder is not None
