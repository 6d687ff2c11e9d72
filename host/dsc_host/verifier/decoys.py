"""Decoys: rows that take the place of missing cards, so that a caller cannot tell a missing card from an enrolled card.

Wrong responses to a decoy are counted, and they pause and lock the decoy as they would pause and lock a card. Judging a
response takes as long for a decoy as for a card, but no response to a decoy is ever accepted. No call shows a decoy, and its
serial may be enrolled at any time. Three promises:

1. A call for a challenge with `conceal` executes the same statements whether the card exists or not. This holds for the first
   call for a serial and for all later calls. So the first call adds a decoy of the serial even if the serial has a card. While
   the card exists, its decoy gets no challenge.
2. A decoy's suite is drawn from the suites of the neighboring cards, in proportion to their frequency. The draw depends on a
   secret and the serial. So a repeated draw nearly always gives the same suite, even if a neighboring card was added.
3. A decoy remembers its questions as a card does, but it may be removed a year after the last request for it.
"""

import hmac
import math
import secrets
from collections import Counter

from sqlalchemy import Connection

from dsc_host.errors import SuiteError
from dsc_host.ocra import DEFAULT_SUITE, Suite
from dsc_host.records import vault
from dsc_host.records.keys import Secret
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier import rows
from dsc_host.verifier.card_seals import Holder, new_enrollment
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardTransaction

_DAY = 24 * 60 * 60
_KEPT_SECONDS = 366 * _DAY
_KEY_BYTES = 32
_MOST_REMOVED = 10
"""The largest number of old decoys that are removed when a decoy is added."""
_NEIGHBORS = 64
"""The number of cards whose suites are read, on each side of a serial."""
_VAULT_NAME = "decoys"
"""The name under which the vault keeps the secret for drawing suites."""

# The mark with which a decoy's name begins. No serial can contain the mark. It sorts after all characters of a serial, so the
# rows of the decoys follow those of the cards.
_MARK = "~"


def name_of(serial: str) -> str:
    """Return the name under which the records keep the decoy of this serial."""
    return _MARK + serial


def serial_of(name: str) -> str:
    """Return the serial in the name of a decoy. If `name` is the serial of a card, return it unchanged."""
    return name.removeprefix(_MARK)


def locked_decoy(tx: CardTransaction, serial: str, now: float) -> CardRecord:
    """Lock and return the decoy of a serial. If it is missing, add it first: a row like a card's, with a random key."""
    name = name_of(serial)
    found = rows.lock_card(tx.db, name)
    if found is None:
        rows.forget_decoys(tx.db, now - _KEPT_SECONDS, _MOST_REMOVED)
        rows.add_decoy(tx.db, _new_decoy(tx, name, serial, now))
        # Read the row again, because another transaction may have added this decoy just before.
        return _row(tx.db, name)
    if not is_fresh(tx, found, now):
        found = tx.changed(found, state_since=now)
        rows.change_card(tx.db, found, "state_since")
    return found


def is_fresh(tx: CardTransaction, decoy: CardRecord, now: float) -> bool:
    """Return whether the row records a request in the last 24 hours. Raises `StoreError` if the row was tampered with."""
    return now - tx.seals.check(decoy).state_since < _DAY


def _row(db: Connection, name: str) -> CardRecord:
    found = rows.lock_card(db, name)
    if found is None:
        raise AssertionError("the decoy that was just added is missing")
    return found


def _new_decoy(tx: CardTransaction, name: str, serial: str, now: float) -> CardRecord:
    suite = _suite(tx, serial)
    has_pin = Suite.parse(suite).pin_hash is not None
    holder = Holder(name, new_enrollment(), suite, decoy=True)
    # Seal a PIN even if the suite has none. Otherwise the duration would reveal whether the decoy's suite has a PIN. A question
    # that does not fit such a suite would then show that it comes from a card.
    sealed_pin = tx.sealed("0000", holder, Secret.PIN)
    decoy = CardRecord(
        serial=name,
        suite=suite,
        counter=0,
        failures=0,
        locked_until=None,
        enrolled_at=now,
        key_id=tx.keys.current.id,
        sealed_key=tx.sealed(secrets.token_bytes(_KEY_BYTES), holder, Secret.KEY) or b"",
        sealed_pin=sealed_pin if has_pin else None,
        sealed_unlock_key=None,
        unlock_codes=0,
        unlock_times=(),
        asked=0,
        state=DECOY,
        state_since=now,
        state_reason="",
        sealed_duress_pin=None,
        enrolment=holder.enrolment,
    )
    return tx.seals.sealed(decoy)


def _is_suite(text: str) -> bool:
    """Return whether the text is a suite. It may be any text, because the seals of the neighboring cards are not checked."""
    try:
        Suite.parse(text)
    except SuiteError:
        return False
    return True


def _suite(tx: CardTransaction, serial: str) -> str:
    """Return one of the suites of the neighboring cards, each with a probability in proportion to its frequency.

    The method is weighted rendezvous hashing. When a neighboring card is enrolled or removed, nearly every serial keeps its
    suite.
    """
    secret = vault.get_or_put(tx, _VAULT_NAME, secrets.token_bytes(_KEY_BYTES))
    weights = Counter(filter(_is_suite, rows.suites_near(tx.db, serial, _NEIGHBORS))) or Counter([DEFAULT_SUITE])

    def distance(suite: str) -> float:
        drawn = int.from_bytes(hmac.digest(secret, f"{serial} {suite}".encode(), "sha256")[:7], "big")
        return -math.log((drawn + 0.5) / 2**56) / weights[suite]

    return min(sorted(weights), key=distance)
