"""Who may call the service, and what for: bearer tokens, of which a file holds only hashes.

Four promises:

1. A token cannot be found from the file: it is 32 random bytes, of which the file has the SHA-256.
2. How long a look-up takes tells nothing about how nearly a token was right.
3. A file that others may read, or that holds anything but tokens, is refused, with the line's number and never its text.
4. A new token's line is in the file whole, on the disk, before the token is given out; what was there stays.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from dsc_host.errors import InputError
from dsc_host.files import keep_name, warn_if_exposed

_PREFIX = "dsc_"  # so that whoever finds one, or a scanner for secrets, knows what it is
_RANDOM_BYTES = 32
_MOST_BYTES = 1 << 20
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,32})[ \t]+(?P<scopes>[a-z,]{1,64})[ \t]+(?P<digest>[0-9a-f]{64})")


class Scope(StrEnum):
    """What a token is good for."""

    LOGIN = "login"  # challenges and responses
    DESK = "desk"  # the cards' records
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Token:
    """One caller. Holds the token's hash, not the token."""

    name: str
    """Who the audit log says it was: 1 to 32 of A-Z, a-z, 0-9, `.`, `_` and `-`."""
    scopes: frozenset[Scope]
    digest: str
    """SHA-256, as 64 hex digits."""

    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.name} {','.join(scope for scope in Scope if scope in self.scopes)} {self.digest}\n"


@dataclass(frozen=True, slots=True)
class Tokens:
    """All callers, as they were when the file was read."""

    known: tuple[Token, ...]

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """From lines `NAME SCOPE[,SCOPE] SHA256`; blank ones, and ones that begin with `#`, are skipped.

        Raises `InputError` if it cannot be read, holds something else or nothing, or, on POSIX, is open to group or others.
        """
        tokens = _parsed(_read(Path(path)), path)
        if not tokens:
            raise _refusal(f"there is no token in {path}; dscplus token new NAME --scope login makes one")
        return cls(tokens)

    def find(self, token: str) -> Token | None:
        """The caller whose token it is."""
        digest = _digest(token)
        found = None
        for known in self.known:
            # All of them, each in the same time.
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found


def add_token(path: str | os.PathLike[str], name: str, scopes: Iterable[Scope]) -> str:
    """Make a token, put its line into the file, which is made if there is none, and return it: nobody can ask again.

    Raises `InputError` for a name that is taken or malformed, for no scope, and for a file that `Tokens.from_file` refuses
    or that cannot be written.
    """
    # Where a link leads to: the link itself is to stay.
    path = Path(os.path.realpath(path))
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    new = Token(name, frozenset(scopes), _digest(token))
    if not new.scopes:
        raise InputError("scope", f"name at least one: {', '.join(Scope)}")
    if _LINE.fullmatch(new.line().rstrip("\n")) is None:
        raise InputError("token's name", "must be 1 to 32 of A-Z, a-z, 0-9, '.', '_' and '-'")
    draft = path.with_name(path.name + ".new")
    try:
        # As long as the draft is there, nobody else makes one: no line is lost to another.
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise _refusal(f"{draft} is there: another token is being made; if not, remove it") from None
    except OSError as error:
        raise _refusal(f"{draft} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(_with(path, new))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        keep_name(path)
    except BaseException as error:
        # Only after a failure: once it was renamed, a draft is somebody else's. One whose name is perhaps not on the disk
        # has no draft any more.
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refusal(f"{path} cannot be written: {error.strerror}") from error
        raise
    return token


def _with(path: Path, new: Token) -> str:
    text = _read(path) if path.exists() else ""
    if any(token.name == new.name for token in _parsed(text, path)):
        raise InputError("token's name", f"{new.name} is in {path} already; remove its line first, or choose another name")
    return text + ("\n" if text and not text.endswith("\n") else "") + new.line()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that it is the one that is read.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise _refusal(f"{path} is open to other users; make it yours alone: chmod 600 {path}")
            warn_if_exposed(path)
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _refusal(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise _refusal(f"{path} is too large to be a file of tokens")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise _refusal(f"{path} holds something other than ASCII") from None


def _parsed(text: str, path: str | os.PathLike[str]) -> tuple[Token, ...]:
    tokens: dict[str, Token] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        token = _token(line)
        if token is None:
            raise _refusal(f"{path}, line {number}: must be NAME SCOPE[,SCOPE] SHA256, the scopes of {', '.join(Scope)}")
        if token.name in tokens:
            raise _refusal(f"{path}, line {number}: has a name that an earlier line has")
        tokens[token.name] = token
    return tuple(tokens.values())


def _token(line: str) -> Token | None:
    match = _LINE.fullmatch(line)
    scopes = match["scopes"].split(",") if match else []
    if match is None or not set(scopes) <= set(Scope):
        return None
    return Token(match["name"], frozenset(map(Scope, scopes)), match["digest"])


def _digest(token: str) -> str:
    # A token has as many random bits as the hash: it needs neither salt nor a slow hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _refusal(problem: str) -> InputError:
    return InputError("tokens", problem)
