"""Decoys: rows that stand for cards which there are not, so that asking for one is like asking for any other card.

A decoy is counted, paused and locked as a card is, and takes as long to judge; only it is never accepted. Nothing of it is
shown, and its serial may be enrolled at any time. Three promises:

1. Asking for a card executes the same statements as asking for none, the first time and later: under each serial that is asked
   for, of a card too, there is a decoy. That of a card is never used.
2. A decoy has the suite that a card of its serial could have: one of those of the cards next to it, as often as they have it.
   Which one depends on a secret in the database and on the serial, so it is the same whenever it is drawn.
3. A decoy remembers what it was asked as a card does, for a year after it was asked for the last time.
"""

import hmac
import math
import secrets
import string
from collections import Counter

from sqlalchemy import Connection

from dsc_host.ocra import DEFAULT_SUITE, Suite
from dsc_host.records import vault
from dsc_host.records.keys import Secret
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier import rows
from dsc_host.verifier.card_seals import Holder, new_enrollment
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardTransaction

_DAY = 24 * 60 * 60
_REMEMBERED = 366 * _DAY
_KEY_BYTES = 32
_FORGOTTEN = 10
"""At most so many are removed when one is added."""
_NEIGHBOURS = 64
"""So many cards on either side of a serial are looked at."""
_DRAWN_WITH = "decoys"
"""The name under which the vault keeps what suites are drawn with."""

# No letter of a stand-in is one of a serial's, so no card can have its name; and it comes after all cards in their order, but
# for a serial that begins with a dash.
_SERIAL = string.ascii_uppercase + string.digits + "-"
_STAND_IN = string.ascii_lowercase + "[\\]^_`{|}~" + "!"
_TO_STAND_IN = str.maketrans(_SERIAL, _STAND_IN)
_TO_SERIAL = str.maketrans(_STAND_IN, _SERIAL)


def name_of(serial: str) -> str:
    """Return what the decoy of this serial is called in the records."""
    return serial.translate(_TO_STAND_IN)


def serial_of(name: str) -> str:
    """Return the serial that a decoy was asked for under; of a card, its own."""
    return name.translate(_TO_SERIAL)


def standing(tx: CardTransaction, serial: str, now: float) -> CardRecord:
    """Return the decoy of this serial, locked: a row like any other, but its key is nobody's, and it is never accepted."""
    name = name_of(serial)
    found = rows.lock_card(tx.db, name)
    if found is None:
        rows.forget_decoys(tx.db, now - _REMEMBERED, _FORGOTTEN)
        rows.add_decoy(tx.db, _new_decoy(tx, name, serial, now))
        # Perhaps another's, which came a moment before.
        return _row(tx.db, name)
    if now - tx.seals.check(found).state_since >= _DAY:
        found = tx.changed(found, state_since=now)
        rows.change_card(tx.db, found, "state_since")
    return found


def _row(db: Connection, name: str) -> CardRecord:
    found = rows.lock_card(db, name)
    if found is None:
        raise AssertionError("a decoy that was added is there")
    return found


def _new_decoy(tx: CardTransaction, name: str, serial: str, now: float) -> CardRecord:
    suite = _suite(tx, serial)
    has_pin = Suite.parse(suite).pin_hash is not None
    holder = Holder(name, new_enrollment(), suite, decoy=True)
    # Where there is none, too: a card's decoy may have another suite than the card, and its question would tell.
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


def _suite(tx: CardTransaction, serial: str) -> str:
    """Draw one of the neighbours' suites, weighted by how many have it.

    By weighted rendezvous: where a neighbour comes or goes, hardly any serial's suite changes.
    """
    secret = vault.kept(tx, _DRAWN_WITH, secrets.token_bytes(_KEY_BYTES))
    weights = Counter(rows.suites_near(tx.db, serial, _NEIGHBOURS)) or Counter([DEFAULT_SUITE])

    def distance(suite: str) -> float:
        drawn = int.from_bytes(hmac.digest(secret, f"{serial} {suite}".encode(), "sha256")[:7], "big")
        return -math.log((drawn + 0.5) / 2**56) / weights[suite]

    return min(sorted(weights), key=distance)
