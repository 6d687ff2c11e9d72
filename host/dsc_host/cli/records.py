"""The commands for the verifier's records: enroll, challenge, verify, resync."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import DEFAULT_SUITES, JsonOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.prompts import read_key, read_pin, read_secret, read_unlock_key
from dsc_host.ocra import Suite, fold_response
from dsc_host.verifier import MasterKey, Verdict, Verifier

NOT_ACCEPTED = 4
_ANY_KEY, _ANY_PIN, _ANY_UNLOCK_KEY = bytes(32), "0000", b"any" + bytes(29)

SerialArgument = Annotated[str, typer.Argument(metavar="SERIAL", help="The card's serial, for example IB3000123.")]


def enroll(
    records: Records,
    serial: SerialArgument,
    suite: Annotated[str, typer.Option(metavar="SUITE", help="The card's OCRA suite.")] = DEFAULT_SUITES["ocra"],
    counter: Annotated[int, typer.Option(metavar="N", help="The card's next counter.")] = 0,
    with_unlock_key: Annotated[
        bool, typer.Option("--with-unlock-key", help="The card checks its PIN itself and has an unlock key.")
    ] = False,
    owner: Annotated[list[str] | None, typer.Option(metavar="NAME", help="The card's owner. May be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Enroll a card whose key is known. The command `personalize` makes a key and enrolls the card in one step.

    The command prompts for the key in hex. Then it prompts for the PIN if the suite has a PIN, and for the unlock key with
    --with-unlock-key. Without a terminal, the command reads them from standard input, one line each.

    \b
    Examples:
      dscplus enroll IB3000123
      dscplus enroll IB3000123 --suite OCRA-1:HOTP-SHA1-6:QN08 < key.txt
    """
    has_pin = Suite.parse(suite).pin_hash is not None
    owners = tuple(owner or ())
    any_pin, any_unlock_key = _ANY_PIN if has_pin else None, _ANY_UNLOCK_KEY if with_unlock_key else None
    _rehearse(serial, suite, counter, _ANY_KEY, any_pin, any_unlock_key, owners)
    key = read_key()
    pin = read_pin(confirm=True) if has_pin else None
    unlock_key = read_unlock_key() if with_unlock_key else None
    _rehearse(serial, suite, counter, key, pin, unlock_key, owners)
    with records.open(may_make=True) as verifier:
        card = verifier.enroll(serial, key=key, suite=suite, pin=pin, counter=counter, unlock_key=unlock_key, owners=owners)
    show({"serial": card.serial, "suite": card.suite, "counter": card.counter}, as_json=as_json)


def _rehearse(
    serial: str, suite: str, counter: int, key: bytes, pin: str | None, unlock_key: bytes | None, owners: tuple[str, ...]
) -> None:
    """Enroll the card in memory only. Raise the errors of an enrollment before a prompt appears or a database is created."""
    with Verifier.open("sqlite://", master_key=MasterKey.generate()) as nowhere:
        nowhere.enroll(serial, key=key, suite=suite, pin=pin, counter=counter, unlock_key=unlock_key, owners=owners)


def challenge(
    records: Records,
    serial: SerialArgument,
    as_json: JsonOption = False,
) -> None:
    """Issue a challenge for a card, as a login page would.

    \b
    Examples:
      dscplus challenge IB3000123
      dscplus challenge IB3000123 --json
    """
    with records.open() as verifier:
        issued = verifier.challenge(serial)
    until = datetime.fromtimestamp(issued.expires_at, UTC).isoformat(timespec="seconds")
    show({"challenge": issued.question, "id": issued.id, "serial": issued.serial, "valid_until": until}, as_json=as_json)
    if not as_json:
        notice(f"Next, with the response that the card shows: dscplus verify {issued.id} RESPONSE")


def verify(
    records: Records,
    challenge_id: Annotated[str, typer.Argument(metavar="ID", help="The challenge's id, as printed by `challenge`.")],
    response: Annotated[
        str | None, typer.Argument(metavar="RESPONSE", help="The card's response. If omitted: a prompt, or stdin.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a response to a challenge. A response is accepted once. The exit code is 0 if it is accepted, otherwise 4.

    \b
    Examples:
      dscplus verify 8c1f0a3be7d25496c0de71 71234507
      dscplus verify 8c1f0a3be7d25496c0de71 < response.txt
    """
    if response is None:
        response = read_secret("Response")
    with records.open() as verifier:
        verdict = verifier.verify(challenge_id, fold_response(response))
    _show_verdict(verdict, as_json)


def resync(
    records: Records,
    first_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a challenge.")],
    second_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the next challenge of the same card.")],
    as_json: JsonOption = False,
) -> None:
    """Catch up with a card that is too far ahead. The exit code is 4 if its responses are wrong.

    A card gets ahead when it shows many responses that are never verified. First run `dscplus challenge` twice. The owner
    answers both challenges on the card, with no other challenge in between. This command prompts for the two responses, or
    reads them from standard input, one line each.

    \b
    Examples:
      dscplus resync 8c1f0a3be7d25496c0de71 02b4c6d8e0f1a3b5c7d9ea
      dscplus resync 8c1f0a3be7d25496c0de71 02b4c6d8e0f1a3b5c7d9ea < responses.txt
    """
    first, second = fold_response(read_secret("First response")), fold_response(read_secret("Second response"))
    with records.open() as verifier:
        verdict = verifier.resync(first_id, first, second_id, second)
    _show_verdict(verdict, as_json)


def _show_verdict(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        show({"accepted": verdict.accepted, "duress": verdict.duress, "retry_after": verdict.retry_after}, as_json=True)
    if not verdict:
        raise Failed("not accepted", NOT_ACCEPTED)
    if not as_json:
        typer.echo("accepted")
