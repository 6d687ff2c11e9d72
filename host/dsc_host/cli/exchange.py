"""The commands that move cards to and from other systems as PSKC (RFC 6030) or CSV: export, import."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.key_files import read_key_file
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.progress import bar
from dsc_host.cli.prompts import read_secret
from dsc_host.errors import InputError
from dsc_host.verifier import State, Verifier

if TYPE_CHECKING:
    from dsc_host.exchange import Refusal

KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="A file with the key of a PSKC file, 16, 24 or 32 bytes in hex or Base64. If omitted: a prompt for a passphrase.",
    ),
]


def export_cards(
    records: Records,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file: .csv for a list without keys, otherwise PSKC.")],
    serials: Annotated[
        list[str] | None, typer.Argument(metavar="[SERIAL]...", help="Export only these cards; PSKC only.")
    ] = None,
    key_file: KeyFileOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Export cards to a PSKC file or to a CSV list.

    A PSKC file is for another OATH server and has the keys, encrypted. The command prompts for its passphrase, or reads it
    from standard input. Suspended, lost and retired cards are left out of it, because the other server would accept them.
    A CSV list has no keys.

    \b
    Examples:
      dscplus export cards.pskc
      dscplus export two.pskc IB3000123 IB3000124 --key-file transport.key
      dscplus export cards.csv
    """
    as_list = file.suffix.lower() == ".csv"
    if as_list and (serials or key_file):
        raise InputError("file", "a CSV has all cards and no keys; omit the serials and --key-file, or name a PSKC file")
    records.check_target(file, force)
    with records.open() as verifier:
        # Ask before the bar is drawn, because it would cover the question.
        key, passphrase = (None, None) if as_list else _key_or_passphrase(key_file, confirm=True)
        count = _export(verifier, file, serials or None, key, passphrase, force)
    show({"file": str(file), "cards": count}, as_json=as_json)


def _export(
    verifier: Verifier, file: Path, serials: list[str] | None, key: bytes | None, passphrase: str | None, force: bool
) -> int:
    from dsc_host import exchange

    with bar("Exporting") as done:
        if key is None and passphrase is None:
            return exchange.export_csv(verifier, file, overwrite=force, done=done)
        return exchange.export_pskc(
            verifier,
            file,
            key=key,
            passphrase=passphrase,
            serials=serials,
            overwrite=force,
            left_out=_report_left_out,
            done=done,
        )


def import_cards(
    records: Records,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PSKC file, or a .csv of serials to create cards for.")],
    key_file: KeyFileOption = None,
    allow_plain: Annotated[bool, typer.Option("--allow-plain", help="Accept keys that are not encrypted.")] = False,
    suite: Annotated[
        str | None, typer.Option(metavar="SUITE", help="The suite of cards for which the file names none.")
    ] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="Import nothing if one card cannot be imported.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import cards from a PSKC file or from a CSV list.

    A PSKC file has cards of another OATH server with their keys. A CSV list has serials, for which cards are created.
    The command names each card that it cannot import with its line, and imports the others. The exit code is then 1.
    Columns of a CSV: serial, and optionally suite and owner. Each card gets a key, which `export` writes out.

    \b
    Examples:
      dscplus import cards.pskc
      dscplus import cards.pskc --key-file transport.key --atomic
      dscplus import serials.csv
    """
    from dsc_host import exchange
    from dsc_host.exchange.files import old_file

    as_list = file.suffix.lower() == ".csv"
    if as_list and (key_file or allow_plain or suite):
        raise InputError("file", "a CSV has no keys and names its own suites; omit these options, or name a PSKC file")
    with old_file(file):
        pass  # Report an unreadable file before a passphrase is asked for.
    # With a key, a file in the clear may also have encrypted values.
    no_secret = as_list or (allow_plain and key_file is None)
    key, passphrase = (None, None) if no_secret else _key_or_passphrase(key_file, confirm=False)
    if (file_of_records := records.file()) and not file_of_records.exists():
        _check_readable(file, as_list, key, passphrase, allow_plain, suite)
    refusals: list[int] = []
    with (
        _reporting(refusals) as refused,
        records.open(may_make=True) as verifier,
        bar("Importing") as done,
    ):
        if as_list:
            count = exchange.import_csv(verifier, file, atomic=atomic, refused=refused, done=done)
        else:
            count = exchange.import_pskc(
                verifier,
                file,
                key=key,
                passphrase=passphrase,
                allow_plain=allow_plain,
                suite=suite,
                atomic=atomic,
                refused=refused,
                done=done,
            )
    show({"file": str(file), "cards": count, "left_out": len(refusals)}, as_json=as_json)
    if refusals:
        raise Failed(f"{len(refusals)} were left out" + ("; nothing was imported" if atomic else ""))


def _check_readable(
    file: Path, as_list: bool, key: bytes | None, passphrase: str | None, allow_plain: bool, suite: str | None
) -> None:
    """Read a file once and discard the result, so that a useless file creates no records. Raises `InputError`."""
    from dsc_host import exchange
    from dsc_host.exchange.files import old_file

    with old_file(file) as (source, _):
        found: Iterator[object] = (
            exchange.read_serials(source)
            if as_list
            else exchange.read_pskc(source, key=key, passphrase=passphrase, allow_plain=allow_plain, suite=suite)
        )
        for _ in found:
            pass


@contextmanager
def _reporting(refusals: list[int]) -> Iterator[Callable[["Refusal"], None]]:
    """Yield a callback that reports each card that is left out and counts it."""

    def tell(refusal: "Refusal") -> None:
        refusals.append(refusal.number)
        notice(f"left out: {refusal}")

    yield tell


def _report_left_out(serial: str, state: State) -> None:
    notice(f"left out: card {serial} is {state}")


def _key_or_passphrase(key_file: Path | None, *, confirm: bool) -> tuple[bytes | None, str | None]:
    """Return the key from the file, or the passphrase without a file."""
    if key_file is None:
        return None, read_secret("Passphrase", confirm=confirm)
    return read_key_file(key_file), None
