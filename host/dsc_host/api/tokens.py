"""Bearer tokens for callers of the service, with their scopes. A file holds only the hashes of the tokens.

Four promises:

1. The file does not reveal a token: a token is made from 32 random bytes, and the file holds the SHA-256 of the token.
2. The duration of a look-up does not reveal how many characters of a token were right.
3. A file is refused if one of its lines is neither the line of a token, nor blank, nor a comment. The error has the number of
   this line, but not its text. On POSIX, a file is also refused if other users can access it.
4. The line of a new token is on the disk before the token is returned. Existing lines stay.
"""

import hashlib
import hmac
import os
import re
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self, TextIO

from dsc_host.errors import InputError
from dsc_host.files import replace_whole, warn_if_exposed

_PREFIX = "dsc_"  # lets people and secret scanners recognize a token
_RANDOM_BYTES = 32
_MOST_BYTES = 1 << 20
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,32})[ \t]+(?P<scopes>[a-z,]{1,64})[ \t]+(?P<digest>[0-9a-f]{64})")


class Scope(StrEnum):
    """A set of operations. Each token is for one or more scopes."""

    LOGIN = "login"  # challenges and responses
    DESK = "desk"  # the cards' records
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Token:
    """A token's caller, scopes and hash. The token itself is not stored."""

    name: str
    """The name of the caller in the audit log: 1 to 32 characters of A-Z, a-z, 0-9, `.`, `_` and `-`."""
    scopes: frozenset[Scope]
    digest: str
    """The SHA-256 of the token, as 64 hex digits."""

    def line(self) -> str:
        """Return the token's line in the file."""
        return f"{self.name} {','.join(scope for scope in Scope if scope in self.scopes)} {self.digest}\n"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The callers that were in the file when it was read."""

    known: tuple[Token, ...]

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read the lines `NAME SCOPE[,SCOPE] SHA256` of the file at `path`. Skip blank lines and lines that begin with `#`.

        Raises `InputError` if the file cannot be read, has any other line, has two lines with one name, or has no token. On
        POSIX, a file that the group or others may access raises `InputError` too.
        """
        tokens = _parse_lines(_read(Path(path)), path)
        if not tokens:
            raise _refusal(f"there is no token in {path}; dscplus token new NAME --scope login makes one")
        return cls(tokens)

    def find(self, token: str) -> Token | None:
        """Return the known token that equals `token`, or None."""
        digest = _digest(token)
        found = None
        for known in self.known:
            # Compare with all tokens, each in constant time.
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found


def add_token(path: str | os.PathLike[str], name: str, scopes: Iterable[Scope]) -> str:
    """Make a token, add its line to the file, and return the token, which the file does not hold. Create the file if needed.

    Raises `InputError` if the name is taken or malformed, if `scopes` is empty, or if the file cannot be written. An existing
    file is checked as `Tokens.from_file` checks it, with the same errors, but may be without tokens.
    """
    # If the path is a symbolic link, replace its target, so that the link stays.
    path = Path(os.path.realpath(path))
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    new = Token(name, frozenset(scopes), _digest(token))
    if not new.scopes:
        raise InputError("scope", f"name at least one: {', '.join(Scope)}")
    if _parse_line(new.line().rstrip("\n")) != new:
        raise InputError("token's name", "must be 1 to 32 of A-Z, a-z, 0-9, '.', '_' and '-'")
    try:
        replace_whole(os.fspath(path), lambda file: _write_with(file, path, new))
    except FileExistsError as error:
        raise _refusal(f"{error.filename} exists: another token is being added; if none is, remove this file") from None
    except OSError as error:
        raise _refusal(f"{error.filename} cannot be written: {error.strerror}") from error
    return token


def _write_with(file: TextIO, path: Path, new: Token) -> None:
    text = _read(path) if path.exists() else ""
    if any(token.name == new.name for token in _parse_lines(text, path)):
        raise InputError("token's name", f"{new.name} is already in {path}; remove its line first, or choose another name")
    file.write(text + ("\n" if text and not text.endswith("\n") else "") + new.line())


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # Check the open file, not the path: another file could replace it in the meantime.
            if sys.platform != "win32" and os.fstat(file.fileno()).st_mode & 0o077:
                raise _refusal(f"{path} is open to other users; restrict it: chmod 600 {path}")
            warn_if_exposed(path)
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _refusal(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise _refusal(f"{path} is too large for a token file")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise _refusal(f"{path} holds something other than ASCII") from None


def _parse_lines(text: str, path: str | os.PathLike[str]) -> tuple[Token, ...]:
    tokens: dict[str, Token] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        token = _parse_line(line)
        if token is None:
            raise _refusal(f"{path}, line {number}: must be NAME SCOPE[,SCOPE] SHA256, with scopes from {', '.join(Scope)}")
        if token.name in tokens:
            raise _refusal(f"{path}, line {number}: has the name of an earlier line")
        tokens[token.name] = token
    return tuple(tokens.values())


def _parse_line(line: str) -> Token | None:
    match = _LINE.fullmatch(line)
    scopes = match["scopes"].split(",") if match else []
    if match is None or not set(scopes) <= set(Scope):
        return None
    return Token(match["name"], frozenset(map(Scope, scopes)), match["digest"])


def _digest(token: str) -> str:
    # A token has as many random bits as its hash, so neither a salt nor a slow hash is needed.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _refusal(problem: str) -> InputError:
    return InputError("tokens", problem)
