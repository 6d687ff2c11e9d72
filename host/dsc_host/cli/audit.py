"""The commands for the audit log: audit verify, audit seal, audit archive, audit export."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.policy import PolicyOption, load_policy
from dsc_host.cli.progress import bar
from dsc_host.cli.prompts import agreed
from dsc_host.errors import InputError
from dsc_host.verifier import AuditReport, Checkpoint

NOT_SOUND = 6
_ENTRIES_PER_REPORT = 1000
_LAST = "last"
_MOST_DAYS = 36_500
_SEGMENT = 100_000  # The default of `records.segments`, which is not imported here because it loads slowly.


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
    archive: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also check the archived segments in this folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the log for tampering. The exit code is 6 if the log was tampered with.

    The command finds entries that were changed, removed, added or moved. It prints a checkpoint. Keep the checkpoint in another
    place, and give it to --since later. Then the command also finds out whether somebody has replaced the whole database by an
    older copy, which lacks the entry that the checkpoint names. With --since, only the entries after the checkpoint are
    checked, so a long log takes no longer than a short log. With --whole, all entries are checked, on all processors if the
    log is large. The output names the parts of the log that were not checked.

    \b
    Examples:
      dscplus audit verify
      dscplus audit verify --since last
      dscplus audit verify --since "$(cat checkpoint.txt)" --whole --json
      dscplus audit verify --archive /srv/audit
    """
    if archive is not None and since is not None and not whole:
        raise InputError("archive", "is checked only together with all entries; add --whole, or leave out --since")
    if archive is not None and not archive.is_dir():
        raise InputError("archive", f"{archive} is not a folder; name the folder with the files of `audit archive`")
    checkpoint = None if since in (None, _LAST) else Checkpoint.parse(str(since))
    with records.open() as verifier, bar("Checking the log") as done:
        if since == _LAST:
            checkpoint = verifier.audit.last_checkpoint()
        report = verifier.audit.check(checkpoint, whole=whole or checkpoint is None, folder=archive, done=done)
    _show_report(report, as_json)
    _check_sound(report)


def seal_log(
    records: Records,
    every: Annotated[
        int, typer.Option(metavar="N", help="The number of entries in a segment, from 1,000 to 10,000,000.")
    ] = _SEGMENT,
    as_json: JsonOption = False,
) -> None:
    """Check the new entries, and seal a checkpoint at the end of each segment.

    Run this command regularly, for example each night. The entries between two checkpoints are a segment, which can be checked
    separately and archived. Logins continue meanwhile. The exit code is 6 if the log was tampered with.

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


def archive_log(
    records: Records,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder for the files: one for each segment.")],
    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            help="Move only segments whose entries are all older than this, 0 to 36500. Default: `archive_after_days` of the "
            "policy, which is 365 unless you change it.",
        ),
    ] = None,
    policy: PolicyOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move old segments of the log into compressed files. Asks for confirmation.

    An entry is removed from the records only after its segment was written into a file, and the file was read again and checked
    against the sealed checkpoint. Logins continue meanwhile. If you stop the command, it continues when you run it again. The
    checkpoints stay in the records, and `audit verify --archive` checks the files against them. `audit export` no longer prints
    archived entries, and users no longer see them among their security events.

    \b
    Examples:
      dscplus audit archive /srv/audit
      dscplus audit archive /srv/audit --older-than 730 --yes --json
      dscplus audit archive /srv/audit --policy policy.toml --yes
    """
    days = load_policy(policy).audit.archive_after_days if older_than is None else older_than
    if not 0 <= days <= _MOST_DAYS:
        raise InputError("older-than", f"must be 0 to {_MOST_DAYS} days")
    before = time.time() - days * 24 * 60 * 60
    with records.open() as verifier:
        chosen = verifier.audit.archivable(before)
        if not chosen:
            notice(f"No sealed segment is older than {days} days. `dscplus audit seal` seals segments.")
        elif not folder.is_dir():
            raise InputError("folder", f"{folder} is not a folder; create it first")
        else:
            first, last = chosen[0], chosen[-1]
            question = (
                f"Move segments {first.number} to {last.number} (entries {first.first_entry} to {last.last_entry}) "
                f"into {folder}, and remove them from the records?"
            )
            if not yes and not agreed(question):
                raise Failed("nothing was changed")
            with bar("Archiving") as done:
                chosen = verifier.audit.archive(folder, before, done=done)
    entries = sum(segment.last_entry - segment.first_entry + 1 for segment in chosen)
    show({"segments": len(chosen), "entries": entries, "folder": str(folder)}, as_json=as_json)


def _check_sound(report: AuditReport) -> None:
    if not report.sound:
        raise Failed(
            "the log did not pass the check, for the reasons above; if it was tampered with, find out who could write to the "
            "database, and restore a backup",
            NOT_SOUND,
        )


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

    Each entry says who did what and when, the outcome, and the exact reason, which is not shown to users. No entry has a PIN, a
    response or a key.

    \b
    Examples:
      dscplus audit export
      dscplus audit export --after 5000 --output log.jsonl
    """
    # Import the module here: it loads slowly, and `--help` must be fast.
    from dsc_host.exchange.files import new_file

    if after < 0:
        raise InputError("after", "must be a whole number, 0 or more")
    with records.open() as verifier:
        if after < (archived := verifier.audit.archived_to()):
            notice(f"Entries 1 to {archived} are archived, and are not exported.")
        entries = (json.dumps(entry.as_json()) + "\n" for entry in verifier.audit.entries(after, serial))
        if output is None:
            for line in entries:
                typer.echo(line, nl=False)
            return
        count = 0
        with new_file(output) as file, bar("Exporting") as done:
            for count, line in enumerate(entries, 1):
                file.write(line.encode())
                if count % _ENTRIES_PER_REPORT == 0:
                    done(count, 0)
    notice(f"{output}: {count} entries")
