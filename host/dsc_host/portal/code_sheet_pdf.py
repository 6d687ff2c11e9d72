"""A security code card as a PDF of one A4 page. The same card in the same language always gives the same bytes.

The built-in fonts of PDF readers have only Latin letters, so a Russian sheet has an English title and no card number.
"""

from collections.abc import Sequence
from io import BytesIO

from starlette.responses import Response

from dsc_host.errors import DscError
from dsc_host.portal.languages import Language

_COLUMNS = 8
_LATIN = ("en", "de")


def download(_: Language, label: str, codes: Sequence[str]) -> Response:
    """Return the codes of the card with this label as a PDF file to download."""
    made = pdf(_("Security codes"), _("Card {number}", number=label), codes, _.code)
    return Response(made, media_type="application/pdf", headers={"content-disposition": 'attachment; filename="codes.pdf"'})


def pdf(title: str, subtitle: str, codes: Sequence[str], language: str) -> bytes:
    """Return the sheet as PDF bytes. Raises `DscError` if the package that draws PDF pages is not installed."""
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        raise DscError("PDF needs more packages; install them: pip install 'dscplus[portal]'") from None
    file = BytesIO()
    page = Canvas(file, pagesize=A4, invariant=1, lang=language)
    words = (title, subtitle) if language in _LATIN else ("Security codes", "")
    page.setTitle(words[0])
    width, height = A4
    page.setFont("Helvetica-Bold", 16)
    page.drawString(50, height - 60, words[0])
    page.setFont("Helvetica", 10)
    page.drawString(50, height - 78, words[1])
    step, rows = (width - 90) / _COLUMNS, -(-len(codes) // _COLUMNS)
    for number, code in enumerate(codes):
        x, y = 50 + step * (number % _COLUMNS), height - 110 - (height - 170) / rows * (number // _COLUMNS)
        page.setFont("Helvetica", 7)
        page.drawRightString(x + 14, y, str(number + 1))
        page.setFont("Courier-Bold", 10)
        page.drawString(x + 18, y, code)
    page.showPage()
    page.save()
    return file.getvalue()
