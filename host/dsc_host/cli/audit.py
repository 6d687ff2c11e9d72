"""The commands for the audit log: audit verify, audit seal, audit export."""

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
_LAST = "last"
_SEGMENT = 100_000  # As in `records.segments`, which loads slowly.


def verify_log(
    records: Records,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="CHECKPOINT",
            help="Check only the entries after a checkpoint: NUMBER:HASH, which this command printed earlier, or `last` for "
            "the last checkpoint that `audit seal` has made.",
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="With --since: check the older entries too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the log for tampering. Exit code 6 if it finds any.

    The command finds entries that were changed, removed, added or moved. Keep the printed checkpoint in another place.
    With --since, it later proves that the log still has this entry, and so that nobody has restored an older copy of the
    whole database. It then checks only the entries after it, and the time does not depend on the length of the log. With
    --whole, it checks all entries. For a large log, it uses all processors.

    \b
    Examples:
      dscplus audit verify
      dscplus audit verify --since last
      dscplus audit verify --since "$(cat checkpoint.txt)" --whole --json
    """
    checkpoint = None if since in (None, _LAST) else Checkpoint.parse(str(since))
    with records.open() as verifier, bar("Checking the log") as done:
        if since == _LAST:
            checkpoint = verifier.audit.last_checkpoint()
        report = verifier.audit.check(checkpoint, whole=whole or checkpoint is None, done=done)
    _show_report(report, as_json)
    _check_sound(report)


def seal_log(
    records: Records,
    every: Annotated[
        int, typer.Option(metavar="N", help="The number of entries in a segment, from 1,000 to 10,000,000.")
    ] = _SEGMENT,
    as_json: JsonOption = False,
) -> None:
    """Check the new entries, and seal a checkpoint after every 100,000. Exit code 6 if the log was tampered with.

    Run it regularly, for example each night. The entries between two checkpoints are a segment, which can be checked
    separately and archived. Logins continue meanwhile.

    \b
    Examples:
      dscplus audit seal
      dscplus audit seal --every 1000000 --json
    """
    with records.open() as verifier, bar("Checking the log") as done:
        report = verifier.audit.seal(every, done=done)
        sealed = verifier.audit.last_checkpoint() if report.sound else None
    if report.sound:
        show({"sound": True, "entries": report.entries, "sealed": None if sealed is None else str(sealed)}, as_json=as_json)
    else:
        _show_report(report, as_json)
    _check_sound(report)


def _check_sound(report: AuditReport) -> None:
    if not report.sound:
        raise Failed("the log was tampered with: find out who could write to the database, and restore a backup", NOT_SOUND)


def _show_report(report: AuditReport, as_json: bool) -> None:
    facts = {"sound": report.sound, "entries": report.entries, "checkpoint": str(report.checkpoint)}
    if as_json:
        show({**facts, "problems": list(report.problems), "unseen": list(report.unseen)}, as_json=True)
        return
    show(facts, as_json=False)
    for line in (*report.problems, *report.unseen):
        typer.echo(line)


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
