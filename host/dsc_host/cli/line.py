"""The commands for an attached card: list, info, respond, personalize, wipe."""

from typing import Annotated

import typer

from dsc_host import personalization
from dsc_host.cli import card_answers
from dsc_host.cli.database import Records
from dsc_host.cli.options import (
    DEFAULT_SUITES,
    OWNER_SECONDS,
    CardPort,
    JsonOption,
    TimeoutOption,
    check_timeout,
)
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.cli.prompts import agreed, read_pin
from dsc_host.errors import CardError, InputError, LinkTimeout
from dsc_host.link import CardClient, Greeting, Profile, discover, discover_programs
from dsc_host.ocra import Suite

_DEFAULT_TRIES = 5


def list_(as_json: JsonOption = False) -> None:
    """List the ports that a card may be attached to.

    The ports on USB come first, then the running simulators on this machine.

    \b
    Examples:
      dscplus list
      dscplus list --json
    """
    ports = [*discover(), *discover_programs()]
    rows = [{"url": port.url, "description": port.description} for port in ports]
    show_all(rows, as_json=as_json, none="No USB port was found, and no simulator is running. sim:// is a simulated card.")


def info(port: CardPort, as_json: JsonOption = False) -> None:
    """Show the data that a card reports about itself.

    \b
    Examples:
      dscplus info
      dscplus info --card sim://
    """
    with CardClient.open(port.find()) as client:
        greeting, facts = client.hello(), client.info()
    result = {
        "condition": facts.condition or ("ready" if facts.serial else None),
        "serial": facts.serial,
        "suite": facts.suite,
        "pin_policy": facts.pin_policy,
        "counter": facts.counter,
        "tries_left": facts.tries_left,
        "locked": facts.locked,
        "unlock_tries_left": facts.unlock_tries,
        "free_memory": facts.free_memory,
        "board": greeting.board,
        "firmware": greeting.firmware,
        "state": greeting.state,
    }
    show(result, as_json=as_json)


def respond(
    port: CardPort,
    question: Annotated[str, typer.Argument(metavar="CHALLENGE", help="The challenge on the login page.")],
    timeout: TimeoutOption = OWNER_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Send a challenge to the card and print its response.

    The card's owner types the PIN on the card and presses OK. For a card without a keypad, this command sends the key
    presses. It prompts for the PIN, or reads it from standard input.

    \b
    Examples:
      dscplus respond 482913
      echo 1234 | dscplus respond 482913 --card /dev/ttyACM0
    """
    check_timeout(timeout)
    with CardClient.open(port.find()) as client:
        card_answers.check_challenge(client.info(), question)
        if _accepts_keys(client.hello()):
            response = card_answers.by_line(client, question, read_pin())
        else:
            response = card_answers.by_owner(client, question, timeout)
    if as_json:
        show({"response": response}, as_json=True)
    else:
        typer.echo(response)


def _accepts_keys(greeting: Greeting) -> bool:
    return "keys" in greeting.caps


def personalize(
    port: CardPort,
    records: Records,
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="1 to 16 of A-Z, 0-9 and -, for example IB3000123.")],
    suite: Annotated[
        str | None, typer.Option(metavar="SUITE", help="An OCRA suite. Default: one that fits the PIN policy.")
    ] = None,
    pin_policy: Annotated[
        str, typer.Option(metavar="POLICY", help="ocra: the PIN is part of the response. card: the card checks it.")
    ] = "ocra",
    tries: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"The number of wrong PINs that lock the card, 1 to 9; only with policy card. Default: {_DEFAULT_TRIES}.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a blank card its key, and enroll it.

    The key is made from random bytes of the host and of the card, and is never shown. A card that checks its PIN itself also
    gets an unlock key, which is made in the same way. The command prompts for the PIN, or reads it from standard input.

    \b
    Examples:
      dscplus personalize IB3000123
      echo 1234 | dscplus personalize IB3000123 --card /dev/ttyACM0 --db sqlite:///dsc.db
    """
    # Check everything except the secrets before the command prompts for a secret or creates records.
    profile = _profile(serial, suite, pin_policy, tries)
    with CardClient.open(port.find()) as client:
        if held := client.info().serial:
            raise Failed(f"the card is already personalized as {held}; dscplus wipe makes it blank")
        pin = read_pin(confirm=True)
        with records.open(may_make=True) as verifier:
            profile = personalization.personalize(verifier, client, profile, pin, told=notice)
    show({"serial": serial, "suite": profile.suite, "pin_policy": pin_policy}, as_json=as_json)


def _profile(serial: str, suite: str | None, policy: str, tries: int | None) -> Profile:
    """Return the profile that the options describe, with placeholders for the key and the PIN. Raises `InputError`."""
    if policy not in DEFAULT_SUITES:
        raise InputError("pin policy", f"must be ocra or card, not {policy}")
    suite = DEFAULT_SUITES[policy] if suite is None else suite
    _check_fits(Suite.parse(suite), policy)
    key = bytes(personalization.KEY_BYTES)
    if policy == "card":
        tries = _DEFAULT_TRIES if tries is None else tries
        return Profile(serial=serial, key=key, suite=suite, pin_policy=policy, code="0000", tries=tries)
    if tries is not None:
        raise InputError("tries", "can be chosen only with --pin-policy card: only then does the card count wrong PINs")
    return Profile(serial=serial, key=key, suite=suite, pin_policy=policy)


def _check_fits(suite: Suite, policy: str) -> None:
    if policy == "ocra" and suite.pin_hash is None:
        raise InputError("suite", "must have a PIN (P) with --pin-policy ocra")
    if policy == "card" and suite.pin_hash is not None:
        raise InputError("suite", "must have no PIN (P) with --pin-policy card")


def wipe(port: CardPort, timeout: TimeoutOption = OWNER_SECONDS, as_json: JsonOption = False) -> None:
    """Make a card blank.

    The card asks its owner on its own display, and only OK on the card wipes it. For a card without a keypad, this command
    asks instead. The card's record at the verifier stays.

    \b
    Examples:
      dscplus wipe
      echo y | dscplus wipe --card /dev/ttyACM0
    """
    check_timeout(timeout)
    with CardClient.open(port.find()) as client:
        serial = client.info().serial
        _ask_to_wipe(client)
        with card_answers.switched_off_after_failure(client):
            if not _wiped(client, serial, timeout):
                raise Failed("the card was not wiped")
    notice("The card is blank.")
    if as_json:
        show({"serial": serial, "wiped": True}, as_json=True)


def _ask_to_wipe(client: CardClient) -> None:
    try:
        client.wipe()
    except CardError as error:
        if error.code != "state" or not client.info().serial:
            raise
        raise Failed("the card is in use: switch it off with its press button, and repeat the command") from error


def _wiped(client: CardClient, serial: str, seconds: float) -> bool:
    """Wait until the owner has answered `WIPE?`. Return whether the card is now blank."""
    if not _accepts_keys(client.hello()):
        notice("The card shows WIPE?. Press OK on the card to make it blank, or C to keep everything.")
    elif agreed(f"This card has no keypad. Wipe {serial or 'it'} for good?"):
        client.press("OK")
    else:
        return False
    try:
        return client.wait_event("wipe", seconds).values.get("done") == "1"
    except LinkTimeout:
        raise LinkTimeout(f"nobody answered on the card within {seconds:g} s") from None
