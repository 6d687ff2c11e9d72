"""The page `/docs`, on which Swagger UI shows the OpenAPI description and sends calls.

The files of Swagger UI come from the package `flask-swagger-ui`, whose other code is not used. The page makes no request to
another host. Without JavaScript, the page is only a list of the calls.
"""

from functools import cache
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dsc_host.api.operations import OPERATIONS
from dsc_host.api.problems import Refusal

DOCUMENTATION_PATH = "/docs"
_OWN = {"docs.css": "text/css", "docs.js": "text/javascript"}
_SWAGGER = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""The content security policy. It allows `data:` for the small pictures in Swagger UI's style sheet."""
_HEADERS = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dscplus: the HTTP service</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
<main id="calls">
<h1>The HTTP service</h1>
<p><a href="/openapi.json">openapi.json</a> describes these calls. With JavaScript, this page shows the description.</p>
<table>
{rows}
</table>
</main>
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/docs.js" defer></script>
</body>
</html>
"""


def routes() -> list[Route]:
    """Return the routes of the page and of its files."""
    own, swagger = ([Route(f"{DOCUMENTATION_PATH}/{name}", _file) for name in names] for names in (_OWN, _SWAGGER))
    return [Route(DOCUMENTATION_PATH, _page, methods=["GET"]), *own, *swagger]


async def _page(request: Request) -> Response:
    _record(request)
    if _folder() is None:
        return Refusal(404, "path", "this page needs another package: pip install 'dscplus[swagger]'").response()
    return HTMLResponse(_text(), headers=_HEADERS)


async def _file(request: Request) -> Response:
    _record(request)
    name, folder = request.url.path.rpartition("/")[2], _folder()
    if name in _OWN:
        return Response(_own(name), media_type=_OWN[name], headers=_HEADERS)
    if folder is None:
        return Refusal(404, "path", "this file needs another package: pip install 'dscplus[swagger]'").response()
    return Response(_read(folder / name), media_type=_SWAGGER[name], headers=_HEADERS)


def _record(request: Request) -> None:
    """Set what the log line of the request names: the page, even for a file of the page."""
    request.state.record.route, request.state.record.operation = DOCUMENTATION_PATH, "documentation"


@cache
def _folder() -> Path | None:
    """Return the folder with the files of Swagger UI, or None if its package is not installed. The package is not imported."""
    found = find_spec("flask_swagger_ui")
    return Path(found.origin).parent / "dist" if found is not None and found.origin else None


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _own(name: str) -> bytes:
    return files("dsc_host.api").joinpath("static", name).read_bytes()


@cache
def _text() -> str:
    rows = "\n".join(
        f"<tr><td><code>{each.method} {escape(each.path)}</code></td><td>{escape(each.summary)}</td></tr>"
        for each in OPERATIONS
    )
    return _PAGE.replace("{rows}", rows)
