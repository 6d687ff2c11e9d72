"""The statements of the demonstration: real PDF pages with invented figures.

They are in the visitor's language. Visitors who read Russian get English statements, because the built-in fonts of PDF readers
have only Latin letters.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from decimal import Decimal
from io import BytesIO

from dsc_host.errors import DscError
from dsc_host.login import Statement
from dsc_host.portal.languages import FALLBACK, Language, load
from dsc_host.portal.pages.statements import title
from dsc_host.portal.site import Visit

_LATIN = ("en", "de")
_STATEMENTS = (
    Statement("activity-2026-10", "Statement for October 2026", "2026-10-31", period="2026-10", languages=_LATIN),
    Statement("activity-2026-09", "Statement for September 2026", "2026-09-30", period="2026-09", languages=_LATIN),
    Statement("tax-2025", "Tax form for 2025", "2026-02-15", tax=True, period="2025", languages=_LATIN),
)
_code: ContextVar[str] = ContextVar("language of statements", default=FALLBACK)
"""The code of the statements' language in the current request. A `StatementProvider` cannot ask for it: it gets no visitor."""


def set_language(visit: Visit) -> None:
    """Set the language of the statement in this request: the visitor's, or English if the fonts lack the letters."""
    _code.set(visit._.code if visit._.code in _LATIN else FALLBACK)


class DemonstrationStatements:
    """A `StatementProvider` that lists the same statements for every account."""

    def statements(self, account: str) -> Sequence[Statement]:
        """Return the statements and tax forms, the newest first."""
        return _STATEMENTS

    def pdf(self, account: str, statement: str) -> bytes:
        """Return a statement as a PDF. Its figures depend only on the account and the statement."""
        known = next(each for each in _STATEMENTS if each.id == statement)
        seed, _ = sum((account + statement).encode()), load()[_code.get()]
        names = (_("Deposits"), _("Withdrawals"), _("Dividends"), _("Fees"))
        lines = [(name, _.dollars(Decimal(seed * (number + 3) % 9_000))) for number, name in enumerate(names)]
        return _page(_, known, account, lines)


def _page(_: Language, statement: Statement, account: str, lines: Sequence[tuple[str, str]]) -> bytes:
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        raise DscError("PDF needs more packages; install them: pip install 'dscplus[portal]'") from None
    file = BytesIO()
    page, (width, height) = Canvas(file, pagesize=A4, invariant=1, lang=_.code), A4
    page.setTitle(title(_, statement))
    page.setFont("Helvetica-Bold", 16)
    page.drawString(50, height - 60, title(_, statement))
    page.setFont("Helvetica", 10)
    page.drawString(50, height - 78, _("Account {number}, {day}", number=account, day=_.day(statement.day)))
    for number, (name, amount) in enumerate(lines):
        page.drawString(50, height - 120 - 18 * number, name)
        page.drawRightString(width - 50, height - 120 - 18 * number, amount)
    page.drawString(50, 50, _("An example with invented figures."))
    page.showPage()
    page.save()
    return file.getvalue()
