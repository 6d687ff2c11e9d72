"""The statements of the demonstration: real PDF pages with invented figures."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from dsc_host.errors import DscError
from dsc_host.login import Statement

_STATEMENTS = (
    Statement("activity-2026-10", "Statement for October 2026", "2026-10-31", period="2026-10"),
    Statement("activity-2026-09", "Statement for September 2026", "2026-09-30", period="2026-09"),
    Statement("tax-2025", "Tax form for 2025", "2026-02-15", tax=True, period="2025"),
)
_LINES = ("Deposits", "Withdrawals", "Dividends", "Fees")


class DemonstrationStatements:
    """A `StatementProvider` that has the same statements for every account."""

    def statements(self, account: str) -> Sequence[Statement]:
        """Return the statements and tax forms, the newest first."""
        return _STATEMENTS

    def pdf(self, account: str, statement: str) -> bytes:
        """Return a statement as a PDF. Its figures depend only on the account and the statement."""
        known = next(each for each in _STATEMENTS if each.id == statement)
        seed = sum((account + statement).encode())
        lines = [(name, f"{seed * (number + 3) % 9_000:,}.00 USD") for number, name in enumerate(_LINES)]
        return _page(known, f"Account {account}", lines)


def _page(statement: Statement, subtitle: str, lines: Sequence[tuple[str, str]]) -> bytes:
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        raise DscError("PDF needs more packages; install them: pip install 'dscplus[portal]'") from None
    file = BytesIO()
    page, (width, height) = Canvas(file, pagesize=A4, invariant=1, lang="en"), A4
    page.setTitle(statement.title)
    page.setFont("Helvetica-Bold", 16)
    page.drawString(50, height - 60, statement.title)
    page.setFont("Helvetica", 10)
    page.drawString(50, height - 78, f"{subtitle}, {datetime.fromisoformat(statement.day).replace(tzinfo=UTC):%B %d, %Y}")
    for number, (name, amount) in enumerate(lines):
        page.drawString(50, height - 120 - 18 * number, name)
        page.drawRightString(width - 50, height - 120 - 18 * number, amount)
    page.drawString(50, 50, "An example with invented figures.")
    page.showPage()
    page.save()
    return file.getvalue()
