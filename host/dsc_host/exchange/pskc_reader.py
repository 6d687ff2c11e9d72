"""The reader of PSKC files. It yields each card, or a refusal with the line and the reason.

If a package has an error, the package and, with few exceptions, its card are refused. An error of the whole file, such as a
wrong key, is raised.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange import formats, profile
from dsc_host.exchange.encryption import Secrets
from dsc_host.exchange.packages import CardKey, Package, Packages, Pin
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.exchange.separate_pins import SeparatePins
from dsc_host.exchange.validity import Validity
from dsc_host.ocra import Suite
from dsc_host.verifier import Enrollment, card_rules, unlock_codes

_MOST_PACKAGES = 16  # for one card: dscplus writes at most three
_MOST_UNOPENED = 8  # if this many packages fail and none opens, the key is wrong


def read_pskc(
    file: BinaryIO,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    allow_plain: bool = False,
    suite: str | None = None,
) -> Iterator[Enrollment | Refusal]:
    """Read the cards of a PSKC file (RFC 6030) in order. Yield an `Enrollment` for a card, or a `Refusal` for a package.

    `key` (16, 24 or 32 bytes) or `passphrase` (encoded in UTF-8, without normalization) opens the file. With `allow_plain`,
    keys in the clear are accepted too. `suite` applies to cards whose package has no suite, such as HOTP keys. Without `suite`,
    such cards are refused.

    The file is read as the iterator advances. Cards whose PINs are not in their own packages come last: for their PINs, the
    file is read again, if possible. Memory grows only with the number of these cards, and of PINs without a card. If a serial
    occurs again after other cards, both cards are yielded, and `Verifier.enroll_all` refuses the second card. No MAC covers
    serials, suites, counters and owners, and signatures are not checked. So accept a file only from a source from which you
    would accept cards.

    Raises `InputError` immediately for arguments out of range. While the file is read, raises `InputError`, which names the
    line, if the file is not PSKC 1.0, is cut off, has a DTD, or cannot be opened with this key.
    """
    found = placed(file, key=key, passphrase=passphrase, allow_plain=allow_plain, suite=suite)
    return (one if isinstance(one, Refusal) else one.enrollment for one in found)


def placed(
    file: BinaryIO, *, key: bytes | None, passphrase: str | None, allow_plain: bool, suite: str | None
) -> Iterator[Placed | Refusal]:
    """Read the cards as `read_pskc` does. Yield each card with its place in the file."""
    if suite is not None:
        card_rules.usable_suite(suite)
    return _read(file, Secrets(key, passphrase, allow_plain), suite)


def _read(file: BinaryIO, secrets: Secrets, suite: str | None) -> Iterator[Placed | Refusal]:
    unopened: list[Refusal] = []
    packages, apart = Packages(file, secrets), SeparatePins()
    for _, group in groupby(packages, key=lambda package: package.group):
        card = _Card(suite)
        for package in group:
            refusal = card.add(package)
            if refusal is None:
                continue
            # Hold back these refusals until a package was decrypted. If none is, raise one error about the wrong key instead.
            if package.unopened and not packages.opened:
                unopened.append(refusal)
                if len(unopened) == _MOST_UNOPENED:
                    raise packages.opener.nothing_opens()
            else:
                yield refusal
        if packages.opened:
            yield from unopened
            unopened.clear()
        yield from card.made(apart)
    if unopened:
        raise packages.opener.nothing_opens()
    yield from apart.settled(packages.again())


class _Card:
    """A card, built from consecutive packages with one serial."""

    def __init__(self, suite: str | None) -> None:
        self._suite = suite
        self._packages = 0
        self._incomplete = False
        self._main: tuple[Package, CardKey] | None = None
        self._pins: list[tuple[Package, Pin]] = []
        self._unlock: tuple[Package, CardKey] | None = None

    def add(self, package: Package) -> Refusal | None:
        """Add a package. Return a refusal if it cannot be used."""
        self._packages += 1
        try:
            if package.error is not None:
                raise package.error
            if self._packages > _MOST_PACKAGES:
                raise InputError("serial", f"has more than {_MOST_PACKAGES} packages")
            for key in package.keys:
                self._take(package, key)
        except InputError as error:
            # A refused package leaves its card incomplete, so the card is refused too. There are two exceptions: a package
            # with another algorithm, and a surplus package after the card's key.
            self._incomplete |= error.field != "algorithm" and not (self._main is not None and error.field == "serial")
            return package.refusal(error)
        return None

    def made(self, apart: SeparatePins) -> Iterator[Placed | Refusal]:
        """Yield the card, or its refusal. Add a card whose PIN is not in its own packages to `apart` instead."""
        if self._main is None:
            yield from () if self._incomplete else self._strays(apart)
            return
        package, key = self._main
        try:
            if self._incomplete:
                raise InputError("card", "was left out because another of its packages was refused")
            enrollment = self._enrollment(package, key)
            pin_id = key.found.policy.pin_key_id
            if enrollment.pin is None and pin_id is not None and Suite.parse(enrollment.suite).pin_hash is not None:
                yield from apart.wait(Placed(package.number, package.line, enrollment), pin_id)
                return
            card_rules.check(enrollment)
        except InputError as error:
            yield package.refusal(error)
        else:
            yield Placed(package.number, package.line, enrollment)

    def _strays(self, apart: SeparatePins) -> Iterator[Refusal]:
        """Yield the refusals of packages without a card. Put refusals of PINs into `apart`: another card may name the PIN."""
        error = InputError("key", "is missing: no package next to this one with the same serial has the key of the card")
        for package, pin in self._pins:
            yield from apart.keep_stray(package.refusal(error), pin)
        if self._unlock is not None:
            yield self._unlock[0].refusal(error)

    def _take(self, package: Package, key: CardKey | Pin) -> None:
        if isinstance(key, Pin):
            self._pins.append((package, key))
            return
        _check_algorithm(key.algorithm)
        _check_policy(key)
        if key.unlocks:
            if key.found.algorithm_suite != unlock_codes.SUITE.text:
                raise InputError("unlock key", f"must have the suite {unlock_codes.SUITE.text}")
            formats.check(key.found, unlock_codes.SUITE)
            if self._unlock is not None:
                raise InputError("unlock key", "occurs twice")
            self._unlock = package, key
        elif self._main is not None:
            raise InputError("serial", "occurs twice, with two keys; the first key is used")
        else:
            self._main = package, key

    def _enrollment(self, package: Package, key: CardKey) -> Enrollment:
        suite = card_rules.usable_suite(self._suite_of(key))
        formats.check(key.found, suite)
        with_pin = suite.pin_hash is not None
        if not with_pin and key.found.policy.pin_usage == profile.ALGORITHMIC:
            raise InputError("pin", "is part of the response according to the key's policy (Algorithmic), but not in the suite")
        return Enrollment(
            serial=package.serial or "",
            key=key.secret,
            suite=suite.text,
            pin=self._pin(key) if with_pin else None,
            counter=key.counter,
            unlock_key=None if self._unlock is None else self._unlock[1].secret,
            duress_pin=self._duress_pin(),
            owners=profile.owners_in(key.found.userid),
            awaits_pin=with_pin and key.found.policy.pin_key_id is None,
            valid_from=key.validity.begin,
            valid_until=key.validity.end,
        )

    def _suite_of(self, key: CardKey) -> str:
        if key.algorithm == profile.HOTP:
            # The `Suite` of an HOTP key is a hash, such as HMAC-SHA256, and no OCRA suite.
            profile.check_one_time_password("hotp", self._suite)
            return self._suite or ""
        suite = key.found.algorithm_suite or profile.suite_in(key.algorithm) or self._suite
        if suite is None:
            raise InputError("suite", "is missing: the key names no OCRA suite; give the suite that the card has")
        return suite

    def _pin(self, key: CardKey) -> str | None:
        """Return the PIN in the card's own packages, which `PINKeyId` names.

        Return None if `PINKeyId` names another key of the file, or is missing.
        """
        wanted = key.found.policy.pin_key_id
        pins = [pin for _, pin in self._pins if wanted is not None and pin.id == wanted]
        if len(pins) > 1:
            raise InputError("pin", "occurs twice: PINKeyId names more than one PIN of the card")
        return pins[0].text if pins else None

    def _duress_pin(self) -> str | None:
        pins = [pin for _, pin in self._pins if pin.profile == profile.DURESS_PROFILE]
        if len(pins) > 1:
            raise InputError("duress pin", "occurs twice")
        return pins[0].text if pins else None


def _check_algorithm(algorithm: str) -> None:
    """Raise `InputError` unless the algorithm is OCRA or HOTP. For a TOTP key, the message names systems that can use it."""
    if algorithm == profile.TOTP:
        profile.check_one_time_password("totp", None)
    if not profile.is_ocra(algorithm) and algorithm != profile.HOTP:
        raise InputError("algorithm", "is neither OCRA nor HOTP; a card supports no other algorithm")


def _check_policy(key: CardKey) -> None:
    """Raise `InputError` for a key with a policy that we cannot enforce (RFC 6030, section 5)."""
    policy = key.found.policy
    if policy.unknown_policy_elements:
        raise InputError("policy", "has rules that dscplus does not know")
    if policy.number_of_transactions is not None:
        raise InputError("policy", "limits how often the key may be used (NumberOfTransactions), which dscplus cannot enforce")
    if key.unlocks and key.validity != Validity():
        raise InputError("policy", "limits when unlock codes may be made, which dscplus cannot enforce")
    if policy.key_usage and not {profile.CHALLENGE_RESPONSE, profile.ONE_TIME_PASSWORD, profile.UNLOCK} & set(policy.key_usage):
        raise InputError("policy", "does not allow the key for challenge and response (CR)")
    if policy.pin_usage not in (None, profile.ALGORITHMIC, "Local"):
        raise InputError(
            "policy", "requires the PIN to be typed into the login page (PINUsageMode); here it is typed into the card"
        )
    if policy.pin_max_failed_attempts is not None and policy.pin_usage == profile.ALGORITHMIC:
        raise InputError(
            "policy", "limits how often a PIN may be wrong (MaxFailedAttempts); here the verifier's policy decides that"
        )
