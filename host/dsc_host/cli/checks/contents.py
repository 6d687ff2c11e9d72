"""Checks that open the records: of the log, of the clock, and of the messages that wait to be sent."""

import time
from collections.abc import Callable

from sqlalchemy import Connection, func, select

from dsc_host.cli.checks.finding import Findings, failed, ok, warning
from dsc_host.login import rows
from dsc_host.records.progress import Progress
from dsc_host.records.tables import audit
from dsc_host.verifier import Verifier

LOG, CLOCK, MESSAGES = "log", "clock", "messages"
_MOST_SECONDS = 30.0
"""The largest difference between two clocks that does no harm, in seconds. A challenge is open for five minutes."""
_WAITING_SECONDS = 15 * 60
_DAY_SECONDS = 24 * 60 * 60


def check_log(verifier: Verifier, done: Progress) -> Findings:
    """Check the entries after the last sealed checkpoint, or all entries if there is none. Yield a finding."""
    since = verifier.audit.last_checkpoint()
    report = verifier.audit.check(since, whole=since is None, done=done)
    if not report.sound:
        yield failed(
            LOG,
            f"it was changed: {report.problems[0]} (problems: {len(report.problems)})",
            "dscplus audit verify lists the problems; find out who could write to the database, and restore a backup",
        )
    else:
        where = f" since the checkpoint at entry {since.number}" if since else ""
        yield ok(LOG, f"{report.entries} entries{where}, unchanged")


def check_clock(verifier: Verifier, clock: Callable[[], float] = time.time) -> Findings:
    """Yield a finding about the clock, compared with the last entry of the log and with the clock of a database server."""
    remedy = "set the clock, and run a time service such as chrony or systemd-timesyncd"
    with verifier.context.store.read() as db:
        last = db.execute(select(func.max(audit.c.at))).scalar()
        now, server = clock(), _server_time(db)
    if server is not None and abs(server - now) > _MOST_SECONDS:
        yield failed(CLOCK, f"it differs from the clock of the database's server by {abs(server - now):.0f} seconds", remedy)
    elif isinstance(last, float) and last - now > _MOST_SECONDS:
        yield failed(CLOCK, f"it is {last - now:.0f} seconds behind the last entry of the log", remedy)
    else:
        yield ok(CLOCK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _server_time(db: Connection) -> float | None:
    """Return the time of the database's server in Unix seconds, or None if the database is a file."""
    if db.dialect.name != "postgresql":
        return None
    return float(db.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())


def check_messages(verifier: Verifier, clock: Callable[[], float] = time.time) -> Findings:
    """Yield findings about messages that were not sent."""
    column, now = rows.messages.c, clock()
    with verifier.context.store.read() as db:
        waiting = db.execute(
            select(func.count()).where(column.state == "queued", column.at < now - _WAITING_SECONDS)
        ).scalar_one()
        given_up = db.execute(
            select(column.trouble).where(column.state == "failed", column.at > now - _DAY_SECONDS)
        ).scalars().all()  # fmt: skip
    if waiting:
        yield warning(
            MESSAGES,
            f"messages that have waited for more than {_WAITING_SECONDS // 60} minutes: {waiting}",
            "run dscplus portal, with --mail for email and --spool for SMS; check the mail server",
        )
    if given_up:
        yield warning(
            MESSAGES,
            f"messages of the last 24 hours that could not be sent: {len(given_up)}, for example: {given_up[-1]}",
            "check the mail server and the SMS gateway",
        )
    if not waiting and not given_up:
        yield ok(MESSAGES, "no message has waited for long")
