"""Input of a command: secrets and confirmations, from prompts at a terminal or from standard input.

PINs and keys are shown neither by prompts nor by messages. Invalid input raises `InputError`.
"""

import re
import sys

import typer

from dsc_host.errors import InputError


def read_secret(name: str, *, confirm: bool = False) -> str:
    """Ask for a PIN or a key without echo at a terminal, or read the next line of standard input.

    Raises `InputError` if standard input has no more lines.
    """
    if not _at_terminal():
        return _next_line(name.lower())
    try:
        return str(typer.prompt(name, hide_input=True, confirmation_prompt=confirm, err=True))
    except UnicodeDecodeError:
        # Drop the cause, because it quotes the input.
        raise InputError(name.lower(), "must be text in the encoding of the terminal") from None


def read_pin(*, confirm: bool = False) -> str:
    """Read a PIN of 4 digits."""
    pin = read_secret("PIN", confirm=confirm)
    if not re.fullmatch("[0-9]{4}", pin):
        raise InputError("pin", "must be 4 digits, 0 to 9")
    return pin


def read_key() -> bytes:
    """Read a card's key, 16 to 64 bytes in hex."""
    digits = read_secret("Key").strip()
    if not re.fullmatch("(?:[0-9A-Fa-f]{2}){16,64}", digits):
        raise InputError("key", "must be 16 to 64 bytes in hex, two digits each")
    return bytes.fromhex(digits)


def read_unlock_key() -> bytes:
    """Read a card's unlock key, 32 bytes in hex."""
    digits = read_secret("Unlock key").strip()
    if not re.fullmatch("[0-9A-Fa-f]{64}", digits):
        raise InputError("unlock key", "must be 32 bytes in hex, two digits each")
    return bytes.fromhex(digits)


def read_shown(prompt: str, field: str = "") -> str:
    """Ask at a terminal for a value that is not secret, or read the next line of standard input.

    Raises `InputError` if standard input has no more lines. Its field is `field`, or the prompt in lower case.
    """
    if _at_terminal():
        # Do not use typer.prompt: if the answer is echoed, it prints a part of the question on standard output.
        typer.echo(f"{prompt}: ", nl=False, err=True)
    return _next_line(field or prompt.lower()).strip()


def agreed(question: str) -> bool:
    """Ask a question and return whether the answer is yes. Only `y` and `yes` count as yes."""
    if _at_terminal():
        return typer.confirm(question, err=True)
    typer.echo(f"{question} [y/N]", err=True)
    return _next_line("answer").strip().lower() in ("y", "yes")


def _at_terminal() -> bool:
    # `sys.stdin` is None if the command was started with standard input closed.
    return sys.stdin is not None and sys.stdin.isatty()


def _next_line(name: str) -> str:
    try:
        line = sys.stdin.readline() if sys.stdin is not None else ""
    except UnicodeDecodeError:
        # Drop the cause, because it quotes the input.
        raise InputError(name, "must be one line of text on standard input") from None
    if not line:
        raise InputError(name, "give it on standard input, one line")
    return line.rstrip("\r\n")
