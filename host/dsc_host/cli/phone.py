"""The commands of the simulated phone app: phone activate, users, waiting, approve, deny, respond, forget."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from dsc_host.cli import extras, prompts
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.errors import InputError

if TYPE_CHECKING:
    from dsc_host.phone.app import PhoneApp, User
    from dsc_host.phone.protocol import Push

AppOption = Annotated[
    Path | None,
    typer.Option("--app", envvar="DSCPLUS_PHONE", metavar="FILE", help="The app's data. Default: a file in your data folder."),
]
ServerOption = Annotated[
    str,
    typer.Option(
        "--server", envvar="DSCPLUS_SERVER", metavar="URL", help="The address of the login system.", show_default=True
    ),
]
FingerOption = Annotated[bool, typer.Option("--finger", help="Use a finger or face instead of the PIN.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A user of the app.")]
SERVER = "http://127.0.0.1:8480"


@contextmanager
def _app(file: Path | None, server: str) -> Iterator["PhoneApp"]:
    with extras.needed("phone"):
        from dsc_host.phone.app import PhoneApp
        from dsc_host.phone.http_client import Remote
    path = file or platformdirs.user_data_path("dscplus", appauthor=False) / "phone.json"
    if file is None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = PhoneApp(path, Remote(server))
    with app.alone():
        yield app


def activate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A user of the login system.")],
    finger: Annotated[bool, typer.Option("--finger", help="Also accept a finger or face later.")] = False,
    number: Annotated[
        int,
        typer.Option(
            "--phone",
            metavar="N",
            help="The phone number that gets the code. 1 is the number that was confirmed last.",
            show_default=True,
        ),
    ] = 1,
    new_number: Annotated[
        str,
        typer.Option(
            "--new-number", metavar="NUMBER", help="A new phone number that gets the code, if the policy allows new numbers."
        ),
    ] = "",
    yes: YesOption = False,
    app: AppOption = None,
    server: ServerOption = SERVER,
) -> None:
    """Activate the app for a user.

    The command prompts for the password, the activation code that arrives by SMS, and the app's PIN, or reads them from
    standard input, one line each. The PIN has 4 to 6 letters, digits or special characters. If the app already has a user,
    enter the app's existing PIN. Without --phone and --new-number, the code is sent to the phone number that was confirmed
    last. If the user has several numbers, the command lists them. If the user already has an app on a phone, even an
    uninstalled app, the new app replaces it. The command then asks for confirmation, and may ask for the PIN of the old app.

    \b
    Examples:
      dscplus phone activate carl
      dscplus phone activate carl --finger --server https://login.example.com
      dscplus phone activate carl --phone 2
      dscplus phone activate carl --new-number +41791234567
    """
    if number < 1:
        raise InputError("phone", "must be 1 or more; 1 is the number that was confirmed last")
    if new_number and number > 1:
        raise InputError("new-number", "cannot be given together with --phone")
    with _app(app, server) as phone:
        begun = phone.begin(name, prompts.read_secret("Password"), number - 1, number=new_number)
        _say_where(begun.sent_to, begun.phones)
        if (
            begun.replaces
            and not yes
            and not prompts.agreed(f"The app {', '.join(begun.replaces)} will be taken out of use. Continue?")
        ):
            raise Failed("nothing was changed")
        token = prompts.read_shown("Activation code")
        recovery = prompts.read_secret("PIN of your previous app") if begun.needs_recovery else None
        pin = prompts.read_secret("PIN", confirm=not phone.users)
        user = phone.activate(begun, token, pin, finger=finger, replace=bool(begun.replaces), recovery=recovery)
    notice(f"The app is activated for {user.name}.")


def _say_where(sent_to: str, numbers: Sequence[str]) -> None:
    """Print which number got the activation code, and how to send a code to another number."""
    notice(f"A code was sent to {sent_to or 'your phone'}.")
    if len(numbers) > 1:
        listed = ", ".join(f"{place}: {number}" for place, number in enumerate(numbers, 1))
        notice(f"Your numbers are {listed}. To use another number, start again with --phone and its position in this list.")


def users(app: AppOption = None, as_json: JsonOption = False) -> None:
    """List the users of the app.

    \b
    Examples:
      dscplus phone users
      dscplus phone users --json
    """
    with _app(app, SERVER) as phone:
        show_all(
            [{"name": each.name, "finger": each.biometrics} for each in phone.users],
            as_json=as_json,
            none="The app has no users. `dscplus phone activate` adds one.",
        )


def waiting(app: AppOption = None, server: ServerOption = SERVER, as_json: JsonOption = False) -> None:
    """List the logins that wait for an answer.

    \b
    Examples:
      dscplus phone waiting
      dscplus phone waiting --json
    """
    with _app(app, server) as phone:
        found = [{"name": user.name, "number": push.number, "from": push.where} for user, push in phone.waiting()]
        none = "No login waits for an answer." if phone.users else "The app has no users. `dscplus phone activate` adds one."
        show_all(found, as_json=as_json, none=none)


def approve(
    name: NameArgument,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The number on the login page.")],
    finger: FingerOption = False,
    app: AppOption = None,
    server: ServerOption = SERVER,
) -> None:
    """Approve a login.

    If the login page and the app show different numbers, the login is not yours: deny it.

    \b
    Examples:
      dscplus phone approve carl 42
      dscplus phone approve carl 42 --finger
    """
    with _app(app, server) as phone:
        user, push = _waiting_login(phone, name)
        phone.approve(user, push, number, pin=None if finger else prompts.read_secret("PIN"))


def deny(name: NameArgument, app: AppOption = None, server: ServerOption = SERVER) -> None:
    """Deny a login.

    \b
    Examples:
      dscplus phone deny carl
      dscplus phone deny carl --server https://login.example.com
    """
    with _app(app, server) as phone:
        phone.deny(*_waiting_login(phone, name))


def respond(
    name: NameArgument,
    challenge: Annotated[str, typer.Argument(metavar="CHALLENGE", help="The challenge on the login page.")],
    finger: FingerOption = False,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the response to a challenge, without a network.

    \b
    Examples:
      dscplus phone respond carl 482913
      dscplus phone respond carl 482913 --finger
    """
    with _app(app, SERVER) as phone:
        response = phone.respond(name, challenge, pin=None if finger else prompts.read_secret("PIN"))
    if as_json:
        show({"response": response}, as_json=True)
    else:
        typer.echo(response)


def forget(
    name: NameArgument,
    yes: YesOption = False,
    app: AppOption = None,
    server: ServerOption = SERVER,
) -> None:
    """Remove a user from the app, and the app from the user's devices. Asks for confirmation.

    \b
    Examples:
      dscplus phone forget carl
      dscplus phone forget carl --yes
    """
    if not yes and not prompts.agreed(f"{name} will have to log in with another device. Continue?"):
        raise Failed("nothing was changed")
    with _app(app, server) as phone:
        phone.forget(name)


def _waiting_login(phone: "PhoneApp", name: str) -> "tuple[User, Push]":
    # Ask only for this user. The server may refuse another user, for example one whose device was removed.
    for waiting in phone.waiting(name):
        return waiting
    raise Failed(f"no login of {name} waits for an answer")
