"""The commands that back up and restore the records: backup, restore.

One promise: a backup, or a file of restored records, appears under its name only when it is complete.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from dsc_host.cli.database import Records, actor, file_url
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.progress import bar
from dsc_host.files import name_draft
from dsc_host.verifier import backup, restore


def make_backup(
    records: Records,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new backup file.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    segments: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write each sealed segment of the log into a file in this folder, and leave it out of FILE."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write all records into one file.

    Logins continue during the backup. The file has the cards, challenges, owners and log, and the data of the login system
    except sessions. Keys and PINs are sealed under the master key, as in the database. The master key itself is not in
    the file: keep a copy of the key in another place.

    A long log makes a large backup. With --segments, each segment that `audit seal` has sealed is written once, into its own
    file, and the backup has only the entries after the last segment. You need the backup and these files to restore. The
    folder may be that of `audit archive`, which makes the same files.

    \b
    Examples:
      dscplus backup records.backup
      dscplus backup records.backup --force --db postgresql://dscplus@db/dscplus
      dscplus backup monday.backup --segments /srv/audit
    """
    # Import the module here: it loads slowly, and `--help` must be fast.
    from dsc_host.exchange.files import new_file

    records.check_target(file, force)
    with (
        records.open() as verifier,
        new_file(file, overwrite=force) as target,
        bar("Backing up") as done,
    ):
        count = backup(verifier, target, segments=segments, done=done)
        lacks_segments = segments is not None and verifier.audit.last_checkpoint() is None
    if lacks_segments:
        notice("No segment of the log is sealed, so the backup has the whole log. `dscplus audit seal` seals segments.")
    show({"file": str(file), "cards": count, "database": verifier.context.seals.database}, as_json=as_json)


def restore_backup(
    records: Records,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup file.")],
    identity: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The identity that `backup` printed. Refuse a backup of a database with another identity."
        ),
    ] = None,
    segments: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The folder with the segment files, for a backup made with --segments."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into new records: all of it, or nothing.

    The new records may be on any machine and in any kind of database. Open challenges are discarded. A card that was used
    since the backup has a counter that is ahead of the records. If the counter is at most 20 ahead, the card's
    responses are accepted. Otherwise use `resync`.

    \b
    Examples:
      dscplus restore records.backup
      dscplus restore records.backup --db postgresql://dscplus@db/dscplus
      dscplus restore monday.backup --segments /srv/audit
    """
    from dsc_host.exchange.files import old_file

    keys = records.keyring()
    with old_file(file) as (source, _), _whole_database(records) as url, bar("Restoring") as done:
        count = restore(url, keys, source, actor=actor(), identity=identity, segments=segments, done=done)
    show({"file": str(file), "cards": count}, as_json=as_json)


@contextmanager
def _whole_database(records: Records) -> Iterator[str]:
    """Yield the URL to restore into. For a new file, this is a draft, which gets the file's name at the end of the block."""
    url, path = records.url_to_make(), records.file()
    if path is None or os.path.lexists(path) or not path.parent.is_dir():
        yield url
        return
    with TemporaryDirectory(prefix=f".{path.name[:32]}.", dir=path.parent) as folder:
        draft = Path(folder, "restored.db")
        yield file_url(draft)
        try:
            name_draft(os.fspath(draft), os.fspath(path), overwrite=False)
        except FileExistsError:
            raise Failed(f"{path}: another command has created this file; nothing was restored") from None
