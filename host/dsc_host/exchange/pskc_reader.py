"""Reading PSKC: cards, one after the other, and for each that cannot be taken, where it stands and why.

What is wrong with one package costs that card. What is wrong with the file, such as its key, is one error for all of it.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange import profile
from dsc_host.exchange.encryption import Secrets
from dsc_host.exchange.packages import CardKey, Package, Packages, Pin
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.verifier import Enrolment, card_rules, unlock_codes

_MOST_PACKAGES = 16  # of one card; a card of ours has three
_MOST_UNOPENED = 8  # a file in which nothing of so many packages opens has another key


def read_pskc(
    file: BinaryIO,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    allow_plain: bool = False,
    suite: str | None = None,
) -> Iterator[Enrolment | Refusal]:
    """The cards of a PSKC file (RFC 6030) in its order, each as an `Enrolment` or as the `Refusal` of one of its packages.

    `key` (16, 24 or 32 bytes) or `passphrase` (taken as UTF-8, as it is) opens it. `allow_plain` takes keys that are in the
    clear too. `suite` is for cards whose package names none, such as HOTP keys, which otherwise are refused.

    The file is read as the iterator is: memory does not grow with its length. A serial that comes again later in the file
    comes out again, and is refused by `Verifier.enroll_all`. Nothing covers serials, suites, counters and owners, and no
    signature is looked at: take a file only from where you would take the cards from.

    Raises `InputError` at once for arguments out of range; and while being read, naming the line, for a file that is not
    PSKC 1.0, is cut off, has a DTD, or cannot be opened with this key.
    """
    found = placed(file, key=key, passphrase=passphrase, allow_plain=allow_plain, suite=suite)
    return (one if isinstance(one, Refusal) else one.enrolment for one in found)


def placed(
    file: BinaryIO, *, key: bytes | None, passphrase: str | None, allow_plain: bool, suite: str | None
) -> Iterator[Placed | Refusal]:
    """The same, with where each stands."""
    if suite is not None:
        card_rules.usable_suite(suite)
    return _read(file, Secrets(key, passphrase, allow_plain), suite)


def _read(file: BinaryIO, secrets: Secrets, suite: str | None) -> Iterator[Placed | Refusal]:
    unopened: list[Refusal] = []
    packages = Packages(file, secrets)
    for _, group in groupby(packages, key=lambda package: package.group):
        card = _Card(suite)
        for package in group:
            refusal = card.add(package)
            if refusal is None:
                continue
            # Held back until one package has opened: if none does, the key is wrong, and that is to be said once.
            if package.unopened and not packages.opened:
                unopened.append(refusal)
                if len(unopened) == _MOST_UNOPENED:
                    raise packages.opener.nothing_opens()
            else:
                yield refusal
        if packages.opened:
            yield from unopened
            unopened.clear()
        yield from card.made()
    if unopened:
        raise packages.opener.nothing_opens()


class _Card:
    """The packages that follow one another with one serial, made into a card."""

    def __init__(self, suite: str | None) -> None:
        self._suite = suite
        self._packages = 0
        self._spoilt = False
        self._main: tuple[Package, CardKey] | None = None
        self._pins: list[tuple[Package, Pin]] = []
        self._unlock: tuple[Package, CardKey] | None = None

    def add(self, package: Package) -> Refusal | None:
        """Take one in. Returns its refusal, if it cannot be."""
        self._packages += 1
        try:
            if package.error is not None:
                raise package.error
            if self._packages > _MOST_PACKAGES:
                raise InputError("serial", f"has more than {_MOST_PACKAGES} packages")
            for key in package.keys:
                self._take(package, key)
        except InputError as error:
            # A card without what could not be read would be another card; one beside what is not for here would not.
            self._spoilt |= error.field != "algorithm" and not (self._main is not None and error.field == "serial")
            return package.refusal(error)
        return None

    def made(self) -> Iterator[Placed | Refusal]:
        """The card, or why there is none."""
        if self._main is None:
            beside = [package for package, _ in self._pins] + ([self._unlock[0]] if self._unlock else [])
            for package in beside:
                if not self._spoilt:
                    yield package.refusal(
                        InputError("key", "is missing: beside this package there is none with the card's own")
                    )
            return
        package, key = self._main
        try:
            if self._spoilt:
                raise InputError("card", "left out, because another package of it was refused")
            enrolment = self._enrolment(package, key)
            card_rules.check(enrolment)
        except InputError as error:
            yield package.refusal(error)
        else:
            yield Placed(package.number, package.line, enrolment)

    def _take(self, package: Package, key: CardKey | Pin) -> None:
        if isinstance(key, Pin):
            self._pins.append((package, key))
            return
        if not profile.is_ocra(key.algorithm) and key.algorithm != profile.HOTP:
            raise InputError("algorithm", "is neither OCRA nor HOTP; a card here can have no other")
        _check_policy(key)
        if key.unlocks:
            if key.found.algorithm_suite != unlock_codes.SUITE.text:
                raise InputError("unlock key", f"must have the suite {unlock_codes.SUITE.text}")
            if self._unlock is not None:
                raise InputError("unlock key", "is there twice")
            self._unlock = package, key
        elif self._main is not None:
            raise InputError("serial", "is there twice, with two keys; the first was read")
        else:
            self._main = package, key

    def _enrolment(self, package: Package, key: CardKey) -> Enrolment:
        suite = key.found.algorithm_suite or profile.suite_in(key.algorithm) or self._suite
        if suite is None:
            raise InputError(
                "suite", "is missing: it is a key without an OCRA suite, such as HOTP's; say which suite it is for"
            )
        with_pin = card_rules.usable_suite(suite).pin_hash is not None
        if not with_pin and key.found.policy.pin_usage == profile.ALGORITHMIC:
            raise InputError("pin", "is part of the response, as its policy says (Algorithmic), but not of the suite")
        return Enrolment(
            serial=package.serial or "",
            key=key.secret,
            suite=suite,
            pin=self._pin(key) if with_pin else None,
            counter=key.counter,
            unlock_key=None if self._unlock is None else self._unlock[1].secret,
            duress_pin=self._duress_pin(),
            owners=profile.owners_in(key.found.userid),
        )

    def _pin(self, key: CardKey) -> str:
        wanted = key.found.policy.pin_key_id
        pins = [pin for _, pin in self._pins if wanted is not None and pin.id == wanted]
        if len(pins) != 1:
            raise InputError("pin", "is missing: this suite has a PIN, and no one key beside it is the one that PINKeyId names")
        return _text(pins[0])

    def _duress_pin(self) -> str | None:
        pins = [pin for _, pin in self._pins if pin.profile == profile.DURESS_PROFILE]
        if len(pins) > 1:
            raise InputError("duress pin", "is there twice")
        return _text(pins[0]) if pins else None


def _text(pin: Pin) -> str:
    # What is no ASCII is no PIN either: the rules for PINs refuse it, in words that do not hold it.
    return pin.secret.decode("ascii", errors="replace")


def _check_policy(key: CardKey) -> None:
    """RFC 6030, section 5: who cannot keep to a policy must not use the key."""
    policy = key.found.policy
    if policy.unknown_policy_elements:
        raise InputError("policy", "has rules that are not known here")
    if policy.start_date or policy.expiry_date or policy.number_of_transactions is not None:
        raise InputError("policy", "limits when or how often the key may be used, which cannot be kept to here")
    if policy.key_usage and not {profile.CHALLENGE_RESPONSE, profile.ONE_TIME_PASSWORD, profile.UNLOCK} & set(policy.key_usage):
        raise InputError("policy", "does not allow the key for challenge and response (CR)")
    if policy.pin_usage not in (None, profile.ALGORITHMIC, "Local"):
        raise InputError("policy", "wants the PIN typed into the login page (PINUsageMode); here it is typed into the card")
    if policy.pin_max_failed_attempts is not None and policy.pin_usage == profile.ALGORITHMIC:
        raise InputError(
            "policy", "limits how often a PIN may be wrong (MaxFailedAttempts); here that is the verifier's policy"
        )
