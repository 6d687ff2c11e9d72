"""The master key, which seals every secret in the database: the secrets of cards, those of the vault, and the row key.

A `Keyring` holds one or more master keys. Its first key seals new secrets. Each of its keys opens the secrets that were sealed
under this key. So the master key can be changed during normal operation.

Four promises:

1. A sealed secret can be read only with the master key, and any change of it is detected (AES-256-GCM).
2. A sealed secret opens only for the purpose for which it was sealed. For example, the PIN of a card opens only as the PIN of
   one enrollment of this card, with its suite, in one database (`seals`). So an attacker gains nothing by swapping secrets.
3. The database holds the `id` of the master key, but never the key. The id reveals nothing about the key.
4. Neither `repr` nor any message shows a secret.
"""

import binascii
import hashlib
import hmac
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TextIO, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dsc_host.errors import InputError, StoreError
from dsc_host.files import replace_whole, warn_if_exposed, write_new

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_ID_BYTES = 8
_MOST_TEXT = 64 * 1024
"""The largest number of bytes that are read from a key file. A wrong file may be huge."""


class Secret(StrEnum):
    """The kinds of sealed secrets."""

    KEY = "key"
    PIN = "PIN"
    UNLOCK_KEY = "unlock key"
    DURESS_PIN = "duress PIN"
    ROW_KEY = "row key"  # The key of a database's seals. For it, `serial` is the database's identity.
    VAULT = "secret"  # A secret of the vault. For it, `serial` is its name in the vault.


class MasterKey:
    """A key that seals every secret in the database: 32 random bytes, written as 64 hex digits.

    Nonces are random, so one master key should seal at most 2**32 secrets.

    Examples:
        >>> from dsc_host import MasterKey
        >>> key = MasterKey.from_hex("00" * 32)
        >>> key
        <MasterKey a4773ff6c8aad0f5>
    """

    __slots__ = ("_backup_key", "_cipher", "_key", "_log_signer", "id")

    id: str
    """16 hex digits that identify the master key. The key cannot be derived from them."""

    def __init__(self, key: bytes) -> None:
        """Take `key`, 32 bytes. Raises `InputError` for anything else."""
        if not isinstance(key, bytes):
            raise _refusal(f"must be {KEY_BYTES} bytes, got {type(key).__name__}")
        if len(key) != KEY_BYTES:
            raise _refusal(f"must be {KEY_BYTES} bytes ({2 * KEY_BYTES} hex digits), got {len(key)}")
        self._key = key
        # Derive a separate key for each purpose, so that the public id reveals nothing about a key that seals.
        self._cipher = AESGCM(_derive(key, b"dscplus 1 seal", KEY_BYTES))
        # Prepare each HMAC once and copy it for each use: the preparation takes several times as long as a short signature.
        self._log_signer = hmac.new(_derive(key, b"dscplus 1 log", KEY_BYTES), digestmod=hashlib.sha256)
        self._backup_key = _derive(key, b"dscplus 1 backup", KEY_BYTES)
        self.id = _derive(key, b"dscplus 1 id", _ID_BYTES).hex()

    @classmethod
    def generate(cls) -> "MasterKey":
        """Return a new key from the operating system's random source. Save it with `write`: a lost key cannot be recovered."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_hex(cls, text: str) -> "MasterKey":
        """Return the key in `text`: 64 hex digits in either case, with or without white space around them.

        Raises `InputError` for any other text.
        """
        try:
            return cls(binascii.unhexlify(text.strip().encode("ascii")))
        except (binascii.Error, UnicodeEncodeError):
            # Drop the cause, because an encoding error quotes the text.
            raise _refusal(f"must be {2 * KEY_BYTES} hex digits") from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "MasterKey":
        """Return the key from the file at `path`, which holds the 64 hex digits.

        Raises `InputError` if the file cannot be read or holds something else, and on POSIX if the group or others may access
        it.
        """
        text = _read(path)
        with _naming(path):
            return cls.from_hex(text)

    @classmethod
    def from_environment(cls, name: str) -> "MasterKey":
        """Return the key from the environment variable `name`, which holds the 64 hex digits.

        Raises `InputError` if the variable is not set or holds something else.
        """
        text = _variable(name)
        with _naming(f"the environment variable {name}"):
            return cls.from_hex(text)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Save the key in a new file at `path`, which only its owner can access.

        Raises `InputError` if the file exists or cannot be written.
        """
        try:
            # `write_new` waits until the key is on the disk: if this key were lost, all cards would be lost with it.
            write_new(path, self._key.hex() + "\n")
        except OSError as error:
            raise _refusal(f"{path} cannot be written: {error.strerror}") from error

    def seal(self, plain: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        """Return `plain`, sealed so that it opens only as this `kind` of secret of the card `serial`, with the same `bound`.

        `bound` comes from `Seals`. It is empty for the row key, for secrets outside the database, and in schemas before 7.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _bound_to(serial, kind, bound))

    def unseal(self, sealed: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        """Return the plain secret in `sealed`. `serial`, `kind` and `bound` must equal those given to `seal`.

        Raises `StoreError` if the secret was sealed for another purpose, or tampered with.
        """
        try:
            # SQLite accepts values of any type in a column.
            if not isinstance(sealed, bytes) or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
                raise InvalidTag
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(serial, kind, bound))
        except InvalidTag:
            if kind is Secret.VAULT:
                raise StoreError(
                    f"secret {serial}: does not open: it was changed, or comes from another database; "
                    "restore the database from a backup"
                ) from None
            raise StoreError(
                f"card {serial}: its {kind} in the database does not open: it was changed, or is another card's; "
                "restore the database from a backup, or enroll the card again"
            ) from None

    def sign_log(self, end: bytes) -> bytes:
        """Return a 32-byte MAC of `end`: the end of a log, a checkpoint or the mark of the archive, encoded by `Seals`."""
        signer = self._log_signer.copy()
        signer.update(end)
        return signer.digest()

    def backup_signer(self) -> hmac.HMAC:
        """Return an HMAC object under this key, for the bytes of a backup."""
        return hmac.new(self._backup_key, digestmod="sha256")

    def __repr__(self) -> str:
        return f"<MasterKey {self.id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key cannot be pickled")


class Keyring:
    """The master keys of one verifier. `current` seals and opens secrets. `others` open the secrets that they sealed earlier.

    Examples:
        >>> from dsc_host import Keyring, MasterKey, Verifier
        >>> old, new = MasterKey.generate(), MasterKey.generate()
        >>> verifier = Verifier.open("sqlite://", master_key=Keyring(new, old))
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> verifier.keys_in_use() == {new.id: 1}
        True
    """

    __slots__ = ("_keys", "current")

    current: MasterKey

    def __init__(self, current: MasterKey, *others: MasterKey) -> None:
        self.current = current
        self._keys = {key.id: key for key in (current, *others)}

    @classmethod
    def of(cls, given: "MasterKeySource") -> "Keyring":
        """Return a keyring from `given`, any value that `Verifier.open` accepts. If `given` is a function, call it once.

        Raises `InputError` for a value that is not a key.
        """
        if callable(given):
            given = given()
        if isinstance(given, Keyring):
            return given
        return cls(given if isinstance(given, MasterKey) else MasterKey(given))

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Return the keys in `text`: 64 hex digits each, separated by white space. Raises `InputError` for any other text."""
        return cls(*(MasterKey.from_hex(word) for word in text.split() or [""]))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "Keyring":
        """Return one or more keys from the file at `path`, one per line. Raises as `MasterKey.from_file` does."""
        text = _read(path)
        with _naming(path):
            return cls.from_text(text)

    @classmethod
    def from_environment(cls, name: str) -> "Keyring":
        """Return one or more keys, separated by white space, from the environment variable `name`.

        Raises as `MasterKey.from_environment` does.
        """
        text = _variable(name)
        with _naming(f"the environment variable {name}"):
            return cls.from_text(text)

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """All keys, the sealing key first."""
        return tuple(self._keys.values())

    def write(self, path: str | os.PathLike[str]) -> None:
        """Replace the file at `path`, completely or not at all, by a file with the keys of this keyring, one per line.

        If the path is a symbolic link, its target is replaced. The file keeps its owner, and nobody else can access it. Raises
        `InputError` if the file cannot be written, or if another command is changing it.
        """
        path = os.path.realpath(path)
        try:
            replace_whole(path, lambda file: self._write_keys(file, path))
        except FileExistsError as error:
            raise _refusal(
                f"{error.filename} exists: another command is changing the file; if none is, inspect it and remove it"
            ) from None
        except OSError as error:
            raise _refusal(f"{error.filename} cannot be written: {error.strerror}") from error

    def _write_keys(self, file: TextIO, path: str) -> None:
        _give_to_owner_of(path, file.fileno())
        file.writelines(key._key.hex() + "\n" for key in self.keys)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all keys."""
        return frozenset(self._keys)

    def opener(self, key_id: str) -> MasterKey:
        """Return the key with the id `key_id`. Raises `InputError` if the keyring does not have it."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise other_master_key() from None

    def unseal(self, sealed: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        """Return the plain secret in `sealed`, whichever key of this keyring has sealed it.

        This is mainly for secrets outside the database, for example in a cookie. They do not say which key sealed them, and
        must still open while services with different sealing keys run. `serial`, `kind` and `bound` are as in
        `MasterKey.unseal`. Raises `StoreError` if no key opens the secret.
        """
        for key in self.keys[:-1]:
            with suppress(StoreError):
                return key.unseal(sealed, serial, kind, bound)
        return self.keys[-1].unseal(sealed, serial, kind, bound)

    def __repr__(self) -> str:
        return f"<Keyring {' '.join(self._keys)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring cannot be pickled")


MasterKeySource: TypeAlias = MasterKey | Keyring | bytes | Callable[[], MasterKey | Keyring | bytes]


def other_master_key() -> InputError:
    """Return the error for a database that is sealed under another master key."""
    return InputError(
        "master key", "does not open this database: its cards, or the end of its log, are sealed under another key"
    )


def _derive(key: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(key)


def _bound_to(serial: str, kind: Secret, bound: str) -> bytes:
    # A serial contains no space, so different inputs never give the same bytes.
    return (f"dscplus 2 {kind.name} {serial} {bound}" if bound else f"dscplus 1 {kind.name} {serial}").encode()


def _read(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open("rb") as file:
            # Check the open file, not the path: another file could replace it in the meantime.
            if sys.platform != "win32" and os.fstat(file.fileno()).st_mode & 0o077:
                raise _refusal(f"{path} is open to other users; restrict it: chmod 600 {path}")
            warn_if_exposed(path)
            return file.read(_MOST_TEXT).decode("latin-1")
    except OSError as error:
        raise _refusal(f"{path} cannot be read: {error.strerror}") from error


def _give_to_owner_of(path: str, handle: int) -> None:
    """Give an open file to the owner of the file at `path`, which it will replace. Raises `OSError` if that is not allowed."""
    if sys.platform == "win32" or not os.path.exists(path):
        return
    owner = os.stat(path)
    if os.fstat(handle).st_uid != owner.st_uid:
        os.chown(handle, owner.st_uid, -1)
    # The group has no rights to the file, so a group that cannot be changed does no harm.
    with suppress(PermissionError):
        os.chown(handle, -1, owner.st_gid)


def _variable(name: str) -> str:
    text = os.environ.get(name)
    if text is None:
        raise _refusal(f"the environment variable {name} is not set")
    return text


@contextmanager
def _naming(source: object) -> Iterator[None]:
    """Add the source of the text to an `InputError`."""
    try:
        yield
    except InputError as error:
        raise _refusal(f"in {source}: {error.problem}") from None


def _refusal(problem: str) -> InputError:
    return InputError("master key", problem)
