"""The files of archived segments: one for each segment, compressed.

A file holds lines of text, compressed in the format xz, whose checksums cover every byte. The first line is a header in JSON:
the checkpoint that ends the segment. Each further line is one entry: the JSON text from which the entry's hash is computed. The
hash of the last entry must equal the end hash in the checkpoint. `xz -dc FILE` shows the lines.

Three promises:

1. A file gets its name only when it is complete and its contents are on the disk. (On a file system without hard links, an
   empty file has this name for a moment.) Only the owner of a file can access it.
2. A file is accepted only if it is complete and nothing follows its end. The hashes of its entries must form a chain from the
   start hash to the end hash of the segment's checkpoint.
3. Reading a file takes a limited amount of memory, even if the file is damaged or forged.
"""

import hashlib
import json
import lzma
import os
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from dsc_host.errors import InputError
from dsc_host.files import name_draft, open_at_once
from dsc_host.records.segments import Segment

FORMAT = 1
_NAME = "audit-{:06}.jsonl.xz"
_CHUNK = 64 * 1024
_HEADER_CHUNK = 1024
_MOST_LINE = 1024 * 1024
"""A file with a line of about this many bytes, or more, is refused. Every entry is far shorter."""
_MOST_MEMORY = 64 * 1024 * 1024
"""The largest number of bytes of memory that decompression may use. Our files need a few megabytes."""
_LEVEL = 1
"""The level of compression. Level 6, the default, takes ten times as long, and makes files only a little smaller."""


def file_of(folder: Path, number: int) -> Path:
    """Return the file of a segment in this folder, whether or not it exists."""
    return folder / _NAME.format(number)


def write(path: Path, segment: Segment, database: str, lines: Iterable[bytes]) -> None:
    """Write a segment to a new file. `lines` are the texts of its entries.

    Raises `FileExistsError` if the file exists, and `InputError` if the file cannot be written. After an error, no part of
    the new file remains.
    """
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                _compress(file, segment, database, lines)
                file.flush()
                os.fsync(file.fileno())
            name_draft(draft, str(path), overwrite=False)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
    except FileExistsError:
        raise
    except OSError as error:
        raise InputError(
            "archive", f"{path} cannot be written: {error.strerror}; choose another folder, or make room"
        ) from error


def _compress(file: BinaryIO, segment: Segment, database: str, lines: Iterable[bytes]) -> None:
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_SHA256, _LEVEL)
    file.write(packer.compress(_header(segment, database)))
    for line in lines:
        file.write(packer.compress(line + b"\n"))
    file.write(packer.flush())


def _header(segment: Segment, database: str) -> bytes:
    content = {
        "dscplus": "audit segment",
        "format": FORMAT,
        "database": database,
        "segment": segment.number,
        "first": segment.first_entry,
        "last": segment.last_entry,
        "start": segment.start_hash.hex(),
        "end": segment.end_hash.hex(),
        "digest": segment.digest.hex(),
        "key": segment.key_id,
        "seal": segment.seal.hex(),
    }
    return json.dumps(content).encode() + b"\n"


def entries(path: Path, segment: Segment, database: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the text and the hash of each entry in a file.

    Raises `InputError` if the file cannot be read or does not hold this segment. This may be found as late as after the last
    entry, so the caller must not trust any entry before the iteration has ended.
    """
    count, digest = 0, segment.start_hash
    with _opened(path) as file:
        lines = _lines(path, file)
        _check_header(path, next(lines, b""), segment, database)
        for line in lines:
            digest = hashlib.sha256(digest + line).digest()
            count += 1
            yield line, digest
    if count != segment.last_entry - segment.first_entry + 1 or digest != segment.end_hash:
        raise _refusal(path, f"does not hold the entries {segment.first_entry} to {segment.last_entry} as they were sealed")


def check_header(path: Path, segment: Segment, database: str) -> None:
    """Raise `InputError` unless the file begins with the header of this segment. Do not check the entries."""
    with _opened(path) as file, closing(_lines(path, file, _HEADER_CHUNK)) as lines:
        _check_header(path, next(lines, b""), segment, database)


def _check_header(path: Path, line: bytes, segment: Segment, database: str) -> None:
    try:
        header: Any = json.loads(line)
        is_ours = header["dscplus"] == "audit segment" and header["format"] == FORMAT
    except (ValueError, TypeError, KeyError, RecursionError):
        is_ours = False
    if not is_ours:
        raise _refusal(path, "is not a segment file of dscplus, or has a format that this version does not know")
    right = json.loads(_header(segment, database))
    if header.get("database") != database:
        raise _refusal(path, "is a segment of another database")
    # After a change of the master key, the checkpoint in the database has a new seal, but the file still has the old one.
    resealed = {"key": header.get("key"), "seal": header.get("seal")} if header.get("key") != segment.key_id else {}
    if header != {**right, **resealed}:
        raise _refusal(path, f"is not segment {segment.number}, or was changed")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb", opener=open_at_once) as file:
            yield file
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from error


def _lines(path: Path, file: BinaryIO, chunk: int = _CHUNK) -> Generator[bytes, None, None]:
    """Yield the lines of the file, without their line breaks. Raises `InputError` if the file is incomplete or damaged."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)
    rest = b""
    while not unpacker.eof:
        data = file.read(chunk) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            raise _refusal(path, "is cut short")
        try:
            rest += unpacker.decompress(data, chunk)
        except lzma.LZMAError:
            raise _refusal(path, "was changed, or is not a file in the format xz") from None
        *lines, rest = rest.split(b"\n")
        yield from lines
        if len(rest) > _MOST_LINE:
            raise _refusal(path, "has a line that is too long")
    if rest or unpacker.unused_data or file.read(1):
        raise _refusal(path, "is followed by other data")


def with_remedy(error: InputError, field: str) -> InputError:
    """Return an error that names the remedy, for `error` about a file that has the name of a segment's file."""
    return InputError(field, f"{error.problem}; put the right file in its place, or move it away, and repeat the command")


def _refusal(path: Path, problem: str) -> InputError:
    return InputError("archive", f"{path} {problem}")


def values_of(line: bytes) -> list[Any]:
    """Return the values in the text of an entry."""
    values: list[Any] = json.loads(line)
    return values
