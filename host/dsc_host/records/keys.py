"""The master key, and the secrets that it seals: cards' keys, PINs and unlock keys, as they lie in the database.

A `Keyring` holds one or more: the first seals, all of them open. So a master key can be changed while others work.

Four promises:

1. What is sealed can be read only with the master key, and cannot be changed without that being noticed (AES-256-GCM).
2. It opens only as what it was sealed as: the key, the PIN or the unlock key, of one enrollment of one card, with its suite, in
   one database (`seals`). Exchanging them gains nothing.
3. The master key never comes from the database, nor goes there; only its `id` does, which tells nothing about it.
4. Neither `repr` nor any message shows a secret.
"""

import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dsc_host.errors import InputError, StoreError
from dsc_host.files import keep_name, warn_if_exposed, write_new

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_ID_BYTES = 8
_MOST_TEXT = 1024  # more than any well-formed key file: what is read of a wrong one, however large


class Secret(StrEnum):
    """What a sealed text holds."""

    KEY = "key"
    PIN = "PIN"
    UNLOCK_KEY = "unlock key"
    DURESS_PIN = "duress PIN"
    ROW_KEY = "row key"  # of a database; its identity stands for the serial
    VAULT = "secret"  # of the login system; the name that it is kept under stands for the serial


class MasterKey:
    """The key that seals every card's secrets: 32 random bytes, written as 64 hex digits.

    Nonces are random, so one master key should seal no more than 2**32 secrets.
    """

    __slots__ = ("_backup_key", "_cipher", "_key", "_log_signer", "_name_signer", "id")

    id: str
    """16 hex digits that tell master keys apart, and from which the key cannot be found."""

    def __init__(self, key: bytes) -> None:
        """From 32 bytes as they are; `InputError` for anything else."""
        if not isinstance(key, bytes):
            raise _refusal(f"must be {KEY_BYTES} bytes, got {type(key).__name__}")
        if len(key) != KEY_BYTES:
            raise _refusal(f"must be {KEY_BYTES} bytes ({2 * KEY_BYTES} hex digits), got {len(key)}")
        self._key = key
        # A label each, so that the id, which anyone may see, is no output of a key that seals.
        self._cipher = AESGCM(_derive(key, b"dscplus 1 seal", KEY_BYTES))
        # Begun here, and copied for each use: to begin takes several times as long as all the rest of it.
        self._log_signer = hmac.new(_derive(key, b"dscplus 1 log", KEY_BYTES), digestmod=hashlib.sha256)
        self._name_signer = hmac.new(_derive(key, b"dscplus 1 name", KEY_BYTES), digestmod=hashlib.sha256)
        self._backup_key = _derive(key, b"dscplus 1 backup", KEY_BYTES)
        self.id = _derive(key, b"dscplus 1 id", _ID_BYTES).hex()

    @classmethod
    def generate(cls) -> "MasterKey":
        """A new one, from the operating system's random source. Save it with `write`: nothing can replace it."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_hex(cls, text: str) -> "MasterKey":
        """From 64 hex digits, in either case; white space around them is ignored. `InputError` for anything else."""
        try:
            return cls(binascii.unhexlify(text.strip().encode("ascii")))
        except (binascii.Error, UnicodeEncodeError):
            # Without its cause: that of the encoding quotes the text.
            raise _refusal(f"must be {2 * KEY_BYTES} hex digits") from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "MasterKey":
        """From a file that holds the 64 hex digits.

        Raises `InputError` if it cannot be read, holds something else, or, on POSIX, is open to group or others.
        """
        text = _read(path)
        with _told_of(path):
            return cls.from_hex(text)

    @classmethod
    def from_environment(cls, name: str) -> "MasterKey":
        """From the environment variable `name`, which holds the 64 hex digits; `InputError` if not."""
        text = _variable(name)
        with _told_of(f"the environment variable {name}"):
            return cls.from_hex(text)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Save it in a new file that only its owner may read; `InputError` if there is one already, or it cannot be."""
        try:
            # On the disk, name and all: a card sealed under a key that a power cut took away is a card lost.
            write_new(path, self._key.hex() + "\n")
        except OSError as error:
            raise _refusal(f"{path} cannot be written: {error.strerror}") from error

    def seal(self, plain: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        """Encrypt `plain` so that it opens only as this `kind` of secret of the card `serial`, bound to the same words.

        `bound` is from `Seals`. Without it, as schemas before 7 had it: only for what belongs to no row.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _bound_to(serial, kind, bound))

    def unseal(self, sealed: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        """Return what `seal` was given; raise `StoreError` if it was sealed as anything else, or was changed."""
        try:
            if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
                raise InvalidTag
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(serial, kind, bound))
        except InvalidTag:
            raise StoreError(
                f"card {serial}: its {kind} in the database does not open: it was changed, or is another card's; "
                "restore the database from a backup, or enroll the card again"
            ) from None

    def sign_log(self, end: bytes) -> bytes:
        """The 32 bytes that nobody without this key can make, for the end of a log."""
        signer = self._log_signer.copy()
        signer.update(end)
        return signer.digest()

    def pseudonym(self, text: str) -> str:
        """Return 64 hex digits that stand for `text`. Without this key, nobody can tell of which text they are."""
        signer = self._name_signer.copy()
        signer.update(text.encode("utf-8", "surrogatepass"))
        return signer.hexdigest()

    def backup_signer(self) -> hmac.HMAC:
        """What a backup's bytes are given to, so that it ends with what nobody without this key can make."""
        return hmac.new(self._backup_key, digestmod="sha256")

    def __repr__(self) -> str:
        return f"<MasterKey {self.id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is not to be pickled")


class Keyring:
    """The master keys that one verifier knows. The first seals; all open."""

    __slots__ = ("_keys", "current")

    current: MasterKey

    def __init__(self, current: MasterKey, *others: MasterKey) -> None:
        self.current = current
        self._keys = {key.id: key for key in (current, *others)}

    @classmethod
    def of(cls, given: "MasterKeySource") -> "Keyring":
        """From what `Verifier.open` may be given. A callable is called here, once; `InputError` for anything else."""
        if callable(given):
            given = given()
        if isinstance(given, Keyring):
            return given
        return cls(given if isinstance(given, MasterKey) else MasterKey(given))

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """From keys of 64 hex digits each, one on a line, or with blanks between; `InputError` for anything else."""
        return cls(*(MasterKey.from_hex(word) for word in text.split() or [""]))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "Keyring":
        """From a file with one key, or several, one on a line. Errors as for `MasterKey.from_file`."""
        text = _read(path)
        with _told_of(path):
            return cls.from_text(text)

    @classmethod
    def from_environment(cls, name: str) -> "Keyring":
        """From the environment variable `name`, with one key, or several with blanks between; `InputError` if not."""
        text = _variable(name)
        with _told_of(f"the environment variable {name}"):
            return cls.from_text(text)

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """All of them, the one that seals first."""
        return tuple(self._keys.values())

    def write(self, path: str | os.PathLike[str]) -> None:
        """Put these keys, in this order, in place of what the file holds: all of them, or it stays as it was. `InputError`.

        What a link leads to is replaced, not the link; the file stays its owner's, and nobody else may read it.
        """
        path = os.path.realpath(path)
        draft = Path(f"{path}.new")
        try:
            # As long as the draft is there, nobody else makes one: no key is lost to another's change.
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise _refusal(
                f"{draft} is there: another command is changing the file; if not, look into it and remove it"
            ) from None
        except OSError as error:
            raise _refusal(f"{draft} cannot be written: {error.strerror}") from error
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                _give_to_owner_of(path, file.fileno())
                file.writelines(key._key.hex() + "\n" for key in self.keys)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            keep_name(path)
        except BaseException as error:
            draft.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _refusal(f"{path} cannot be written: {error.strerror}") from error
            raise

    @property
    def ids(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset(self._keys)

    def opener(self, key_id: str) -> MasterKey:
        """The key of this id; `InputError` if it is not among them."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise other_master_key() from None

    def __repr__(self) -> str:
        return f"<Keyring {' '.join(self._keys)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not to be pickled")


MasterKeySource: TypeAlias = MasterKey | Keyring | bytes | Callable[[], MasterKey | Keyring | bytes]


def other_master_key() -> InputError:
    return InputError(
        "master key", "does not open this database: its cards, or the end of its log, are sealed under another one"
    )


def _derive(key: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(key)


def _bound_to(serial: str, kind: Secret, bound: str) -> bytes:
    # A serial holds no blank, so no two of these give the same bytes.
    return (f"dscplus 2 {kind.name} {serial} {bound}" if bound else f"dscplus 1 {kind.name} {serial}").encode()


def _read(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open("rb") as file:
            # Asked of the open file, so that it is the one that is read.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise _refusal(f"{path} is open to other users; restrict it: chmod 600 {path}")
            warn_if_exposed(path)
            return file.read(_MOST_TEXT).decode("latin-1")
    except OSError as error:
        raise _refusal(f"{path} cannot be read: {error.strerror}") from error


def _give_to_owner_of(path: str, handle: int) -> None:
    """Have an open file belong to whoever owns the one that it is to replace. `OSError` if that is not allowed."""
    if os.name != "posix" or not os.path.exists(path):
        return
    owner = os.stat(path)
    if os.fstat(handle).st_uid != owner.st_uid:
        os.chown(handle, owner.st_uid, -1)
    # The group may do nothing with the file, so it does not matter if it must be another one.
    with suppress(PermissionError):
        os.chown(handle, -1, owner.st_gid)


def _variable(name: str) -> str:
    text = os.environ.get(name)
    if text is None:
        raise _refusal(f"the environment variable {name} is not set")
    return text


@contextmanager
def _told_of(source: object) -> Iterator[None]:
    """Say in a refusal of what was read where it comes from."""
    try:
        yield
    except InputError as error:
        raise _refusal(f"in {source}: {error.problem}") from None


def _refusal(problem: str) -> InputError:
    return InputError("master key", problem)
