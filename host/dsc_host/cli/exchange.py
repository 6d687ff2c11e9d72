"""The commands that move cards to and from other systems as PSKC (RFC 6030) or CSV: export, import."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.key_files import read_key_file
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, Result, notice, show, show_all
from dsc_host.cli.progress import bar
from dsc_host.cli.prompts import read_secret
from dsc_host.errors import InputError
from dsc_host.records.keys import MasterKey
from dsc_host.verifier import State, Verifier

if TYPE_CHECKING:
    from dsc_host.exchange import Placed, Refusal

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

    A PSKC file is for another OATH server and has the encrypted keys. Without --key-file, the command prompts for a passphrase,
    or reads it from standard input. The PSKC file leaves out suspended, lost and retired cards, because the other server would
    accept them. A CSV list has no keys.

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
        # Ask before the progress bar is drawn, because it would cover the question.
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


@dataclass(frozen=True, slots=True)
class _Source:
    """A file to import, with the options for reading it."""

    file: Path
    options: Mapping[str, Any]

    @property
    def is_csv(self) -> bool:
        return self.file.suffix.lower() == ".csv"

    def check(self) -> None:
        """Read the file and discard the cards. Raises `InputError`, so that no database is created for an unusable file."""
        from dsc_host import exchange
        from dsc_host.exchange.files import old_file

        with old_file(self.file) as (source, _):
            read: Callable[..., Iterator[object]] = exchange.read_csv if self.is_csv else exchange.read_pskc
            for _ in read(source, **self.options):
                pass

    def enroll(self, verifier: Verifier, **reports: Any) -> int:
        """Import the file into these records. Return the number of cards."""
        from dsc_host import exchange

        enroll = exchange.import_csv if self.is_csv else exchange.import_pskc
        with bar("Importing") as done:
            return enroll(verifier, self.file, **self.options, **reports, done=done)


def import_cards(
    records: Records,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PSKC file, or a .csv of cards or of serials.")],
    key_file: KeyFileOption = None,
    allow_plain: Annotated[bool, typer.Option("--allow-plain", help="Accept keys that are not encrypted.")] = False,
    suite: Annotated[
        str | None, typer.Option(metavar="SUITE", help="The suite for each card without a suite in the file.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="The columns of a CSV, in order or as OURS=THEIRS, separated by commas."),
    ] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="Import nothing if one card cannot be imported.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Import nothing; print what would be imported.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import cards from a PSKC file or from a CSV list.

    A PSKC file has cards of another OATH server with their keys. A CSV list has serials, for which cards are created.
    If the command cannot import a card, it prints the line and the serial, imports the other cards, and ends with exit code 1.
    With --allow-plain and without --key-file, the command asks for no passphrase.

    The columns of a CSV are serial, and optionally suite and owner. Each card of a CSV gets a new key, which `export` writes
    to a PSKC file. If the CSV has the column seed, the cards keep their keys. Such a file needs `--allow-plain`, and may also
    have the columns type, counter and pin.

    \b
    Examples:
      dscplus import cards.pskc
      dscplus import cards.pskc --key-file transport.key --atomic
      dscplus import serials.csv
      dscplus import tokens.csv --allow-plain --columns serial,seed,type,suite --dry-run
    """
    from dsc_host.exchange.files import old_file

    with old_file(file):
        pass  # Report an unreadable file before the command prompts for a passphrase.
    source = _source(file, key_file, allow_plain, suite, columns)
    rows: list[Result] = []
    awaiting = _Awaiting()
    refusals: list[int] = []
    refused = _refusal_callback(refusals, rows if dry_run else None)
    if dry_run:
        with _records_to_try(records) as verifier:
            count = source.enroll(
                verifier, atomic=atomic, dry_run=True, refused=refused, taken=lambda card: rows.append(_row(card))
            )
        rows.sort(key=lambda row: cast(int, row["line"]))
    else:
        if (made := records.file()) and not made.exists():
            source.check()
        with records.open(may_make=True) as verifier:
            count = source.enroll(verifier, atomic=atomic, refused=refused, taken=awaiting.count)
    if awaiting.cards and count:
        notice(
            f"Cards that await their PIN: {awaiting.cards}. Set the PINs with dscplus card pin set, or dscplus card pin draw."
        )
    result: Result = {"file": str(file), "cards": count, "left_out": len(refusals)}
    if dry_run and not as_json:
        show_all(rows, as_json=False, none="The file has no cards.")
    show({**result, "rows": rows} if dry_run and as_json else result, as_json=as_json)
    if refusals:
        left_out, nothing = ("that would be left out", "would be") if dry_run else ("left out", "was")
        raise Failed(f"cards {left_out}: {len(refusals)}{f'; nothing {nothing} imported' if atomic else ''}")


@dataclass(slots=True)
class _Awaiting:
    """The number of imported cards that await their PIN."""

    cards: int = 0

    def count(self, card: "Placed") -> None:
        self.cards += card.enrollment.awaits_pin


def _source(file: Path, key_file: Path | None, allow_plain: bool, suite: str | None, columns: str | None) -> _Source:
    options: dict[str, Any] = {"allow_plain": allow_plain, "suite": suite}
    if file.suffix.lower() == ".csv":
        if key_file:
            raise InputError("file", "a CSV has no encrypted keys; omit --key-file, or name a PSKC file")
        return _Source(file, {**options, "columns": columns})
    if columns:
        raise InputError("columns", "can be given only for a CSV; omit --columns, or name a .csv file")
    # A file with keys in the clear may also have encrypted values. The user can give their key with --key-file.
    no_secret = allow_plain and key_file is None
    key, passphrase = (None, None) if no_secret else _key_or_passphrase(key_file, confirm=False)
    return _Source(file, {**options, "key": key, "passphrase": passphrase})


def _records_to_try(records: Records) -> Verifier:
    """Open the records for a dry run. If the database does not exist yet, open empty records in memory instead."""
    if (made := records.file()) and not made.exists():
        return Verifier.open("sqlite://", master_key=MasterKey.generate())
    return records.open()


def _refusal_callback(refusals: list[int], rows: list[Result] | None) -> Callable[["Refusal"], None]:
    """Return the callback for cards that are left out. It adds the card's number to `refusals`.

    It also adds a row to `rows`, or prints a message if `rows` is None.
    """

    def tell(refusal: "Refusal") -> None:
        refusals.append(refusal.number)
        if rows is None:
            notice(f"left out: {refusal}")
        else:
            rows.append({"line": refusal.line, "serial": refusal.serial, "outcome": "refused", "why": str(refusal.error)})

    return tell


def _row(card: "Placed") -> Result:
    return {"line": card.line, "serial": card.enrollment.serial, "outcome": "taken", "why": ""}


def _report_left_out(serial: str, state: State) -> None:
    notice(f"left out: card {serial} is {state}")


def _key_or_passphrase(key_file: Path | None, *, confirm: bool) -> tuple[bytes | None, str | None]:
    """Return the key in the file, or without a file the passphrase that the user enters."""
    if key_file is None:
        return None, read_secret("Passphrase", confirm=confirm)
    return read_key_file(key_file), None
