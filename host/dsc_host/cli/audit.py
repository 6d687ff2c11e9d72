"""The commands for the audit log: audit verify, audit export."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.progress import bar
from dsc_host.errors import InputError
from dsc_host.verifier import AuditReport, Checkpoint

NOT_SOUND = 6
_OFTEN = 1000


def verify_log(
    records: Records,
    since: Annotated[
        str | None, typer.Option(metavar="NUMBER:HASH", help="A checkpoint that this command printed earlier.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the log for tampering. Exit code 6 if it finds any.

    The command finds entries that were changed, removed, added or moved. Keep the printed checkpoint in another place.
    With --since, it later proves that no earlier entry was changed, not even by restoring an older copy of the whole
    database.

    \b
    Examples:
      dscplus audit verify
      dscplus audit verify --since "$(cat checkpoint.txt)" --json
    """
    checkpoint = None if since is None else Checkpoint.parse(since)
    with records.open() as verifier, bar("Checking the log") as done:
        report = verifier.audit.check(checkpoint, done=done)
    _show_report(report, as_json)
    if not report.sound:
        raise Failed("the log was tampered with: find out who could write to the database, and restore a backup", NOT_SOUND)


def _show_report(report: AuditReport, as_json: bool) -> None:
    facts = {"sound": report.sound, "entries": report.entries, "checkpoint": str(report.checkpoint)}
    if as_json:
        show({**facts, "problems": list(report.problems)}, as_json=True)
        return
    show(facts, as_json=False)
    for problem in report.problems:
        typer.echo(problem)


def export_log(
    records: Records,
    after: Annotated[int, typer.Option(metavar="N", help="Only entries with a higher number.")] = 0,
    serial: Annotated[str | None, typer.Option(metavar="SERIAL", help="Only entries about this card.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="A new file. Default: standard output.")] = None,
) -> None:
    """Print the log as JSON lines.

    Each entry says who did what and when, the outcome, and the true reason. It has no PIN, response or key.

    \b
    Examples:
      dscplus audit export
      dscplus audit export --after 5000 --output log.jsonl
    """
    # Import it here: it loads slowly, and `--help` must be fast.
    from dsc_host.exchange.files import new_file

    if after < 0:
        raise InputError("after", "must be a whole number, 0 or more")
    with records.open() as verifier:
        entries = (json.dumps(entry.as_json()) + "\n" for entry in verifier.audit.entries(after, serial))
        if output is None:
            for line in entries:
                typer.echo(line, nl=False)
            return
        count = 0
        with new_file(output) as file, bar("Exporting") as done:
            for count, line in enumerate(entries, 1):
                file.write(line.encode())
                if count % _OFTEN == 0:
                    done(count, 0)
    notice(f"{output}: {count} entries")
