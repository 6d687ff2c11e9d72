"""The commands for the cards in the verifier's records: card list, show, suspend, lock and others.

These commands do not use an attached card. The audit log names the user who is logged in on this machine as the actor.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, Result, notice, show, show_all, show_array
from dsc_host.cli.prompts import agreed, read_pin, read_secret
from dsc_host.cli.records import NOT_ACCEPTED, SerialArgument
from dsc_host.errors import InputError
from dsc_host.ocra import fold_response
from dsc_host.verifier import Card, State, Verifier

_PAGE = 1000
"""The number of cards that are read and printed together, with aligned columns."""

ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="The reason, stored with the card and in the audit log.")]
OwnerArgument = Annotated[str, typer.Argument(metavar="NAME", help="The owner's name in your login system.")]


def _iso_time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        # A lock may end after the last year of Python's calendar. Show the last moment, so that the listing does not fail.
        return datetime.max.replace(tzinfo=UTC).isoformat(timespec="seconds")


def _facts(card: Card) -> Result:
    return {
        "serial": card.serial,
        "state": str(card.state),
        "since": _iso_time(card.state_since),
        "reason": card.state_reason,
        "owners": list(card.owners),
        "suite": card.suite,
        "counter": card.counter,
        "failures": card.failures,
        "locked_until": _iso_time(card.locked_until),
        "enrolled_at": _iso_time(card.enrolled_at),
        "unlock_key": card.has_unlock_key,
        "unlock_codes": card.unlock_codes,
        "unlock_code_at": _iso_time(card.unlock_code_at),
        "duress_pin": card.has_duress_pin,
        "awaits_pin": card.awaits_pin,
        "valid_from": _iso_time(card.valid_from),
        "valid_until": _iso_time(card.valid_until),
    }


def list_cards(
    records: Records,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only cards of this owner.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help=f"Only cards in this state: {', '.join(State)}.")] = None,
    after: Annotated[str, typer.Option(metavar="SERIAL", help="Only cards whose serial comes after this serial.")] = "",
    limit: Annotated[int | None, typer.Option(metavar="N", help="List at most this many cards.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the cards in the order of their serials. With --json, the first cards are printed before the last cards are read.

    \b
    Examples:
      dscplus card list
      dscplus card list --state lost --json
      dscplus card list --after IB3000123 --limit 100
    """
    if state is not None and state not in set(State):
        raise InputError("state", f"must be one of {', '.join(State)}")
    with records.open() as verifier:
        cards = verifier.cards(owner=owner, state=State(state) if state else None, after=after, limit=limit)
        if as_json:
            show_array(map(_facts, cards))
            return
        heading = True
        while page := [_line(card) for card in islice(cards, _PAGE)]:
            show_all(page, as_json=False, heading=heading)
            heading = False
        if heading:
            chosen = owner or state or after or limit is not None
            notice("There are no such cards." if chosen else "There are no cards. `dscplus enroll` adds one.")


def _line(card: Card) -> Result:
    facts = _facts(card)
    return {name: facts[name] for name in ("serial", "state", "counter", "locked_until", "owners")}


def show_card(records: Records, serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show everything about one card, except its secrets.

    \b
    Examples:
      dscplus card show IB3000123
      dscplus card show IB3000123 --json
    """
    with records.open() as verifier:
        card = verifier.card(serial)
    show(_facts(card), as_json=as_json)


def suspend(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop accepting a card until `card resume`.

    \b
    Examples:
      dscplus card suspend IB3000123 --reason "on leave until June"
      dscplus card suspend IB3000123
    """
    _change(lambda verifier: verifier.suspend(serial, reason), records, as_json)


def lost(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop accepting a card that its owner has lost. Use `card resume` if it is found, otherwise `card retire`.

    \b
    Examples:
      dscplus card lost IB3000123 --reason "left in a train"
      dscplus card lost IB3000123
    """
    _change(lambda verifier: verifier.lost(serial, reason), records, as_json)


def resume(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a suspended or lost card back into use.

    \b
    Examples:
      dscplus card resume IB3000123 --reason found
      dscplus card resume IB3000123
    """
    _change(lambda verifier: verifier.resume(serial, reason), records, as_json)


def retire(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Retire a card forever, and erase its key and PINs. Asks for confirmation.

    The card's log entries stay. Its serial may be enrolled again.

    \b
    Examples:
      dscplus card retire IB3000123 --reason "worn out"
      dscplus card retire IB3000123 --yes
    """
    with records.open() as verifier:
        verifier.card(serial)
        if not yes and not agreed(f"Erase the secrets of {serial} forever?"):
            raise Failed("nothing was changed")
        card = verifier.retire(serial, reason)
    _show(card, as_json)


def lock(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    seconds: Annotated[float | None, typer.Option(metavar="N", help="The length of the lock. Default: 24 hours.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Lock a card for some time, as the verifier does after too many wrong responses.

    \b
    Examples:
      dscplus card lock IB3000123 --seconds 3600
      dscplus card lock IB3000123 --reason "somebody is guessing"
    """
    _change(lambda verifier: verifier.lock(serial, reason, seconds), records, as_json)


def unlock(
    records: Records,
    serial: SerialArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Unlock a card that the verifier has locked. If the card shows LOCKED, it has locked itself: use `card unlock-code`.

    \b
    Examples:
      dscplus card unlock IB3000123 --reason "the owner called"
      dscplus card unlock IB3000123
    """
    _change(lambda verifier: verifier.unlock(serial, reason), records, as_json)


def change_pin(
    records: Records,
    challenge_id: Annotated[str, typer.Argument(metavar="ID", help="The challenge's id, as printed by `challenge`.")],
    as_json: JsonOption = False,
) -> None:
    """Change a card's PIN in the records. The owner must give a response that was made with the new PIN.

    First run `dscplus challenge`. The owner types the new PIN and the challenge on the card. This command prompts for the new
    PIN and then for the response, or reads them from standard input, one line each. If the response was not made with the new
    PIN, the PIN in the records stays unchanged, and the exit code is 4.

    \b
    Examples:
      dscplus card pin change 8c1f0a3be7d25496c0de71
      dscplus card pin change 8c1f0a3be7d25496c0de71 < answers.txt
    """
    pin = read_pin(confirm=True)
    response = fold_response(read_secret("Response"))
    with records.open() as verifier:
        verdict = verifier.change_pin(challenge_id, response, pin)
    if as_json:
        show({"accepted": verdict.accepted}, as_json=True)
    if not verdict:
        raise Failed("not accepted", NOT_ACCEPTED)
    notice("The PIN was changed.")


def set_duress_pin(
    records: Records,
    serial: SerialArgument,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the duress PIN.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set a second PIN, for an owner who may be forced to log in.

    A response with this second PIN is accepted, and is marked as made under duress in the answer and in the log. The command
    prompts for the PIN, or reads it from standard input.

    \b
    Examples:
      dscplus card duress-pin IB3000123
      dscplus card duress-pin IB3000123 --remove
    """
    pin = None if remove else read_pin(confirm=True)
    _change(lambda verifier: verifier.set_duress_pin(serial, pin), records, as_json)


def add_owner(
    records: Records,
    serial: SerialArgument,
    owner: OwnerArgument,
    as_json: JsonOption = False,
) -> None:
    """Add an owner to a card, in addition to its other owners.

    \b
    Examples:
      dscplus card add-owner IB3000123 alice
      dscplus card add-owner IB3000123 "night shift"
    """
    _change(lambda verifier: verifier.add_owner(serial, owner), records, as_json)


def remove_owner(
    records: Records,
    serial: SerialArgument,
    owner: OwnerArgument,
    as_json: JsonOption = False,
) -> None:
    """Remove an owner from a card.

    \b
    Examples:
      dscplus card remove-owner IB3000123 alice
      dscplus card remove-owner IB3000123 "night shift"
    """
    _change(lambda verifier: verifier.remove_owner(serial, owner), records, as_json)


def _change(work: Callable[[Verifier], Card], records: Records, as_json: bool) -> None:
    """Change a card and print its new state."""
    with records.open() as verifier:
        card = work(verifier)
    _show(card, as_json)


def _show(card: Card, as_json: bool) -> None:
    if as_json:
        show(_facts(card), as_json=True)
    else:
        show_all([_line(card)], as_json=False)
