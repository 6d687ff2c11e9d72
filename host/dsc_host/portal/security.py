"""The protection of every page: headers, cookies, the CSRF token, and limits on requests.

Six promises:

1. Every form that a page handles comes from our site. Its CSRF token is only in pages that our site has shown to the same
   visitor.
2. Cookies are HttpOnly and SameSite=Lax. A link from another site opens a page in the visitor's session, but a form from
   another site comes without the session. Opening a page only records that the session was used, so only forms need the first
   promise. Over https, the cookies are Secure, and the session's cookie is bound to this host by its name (`__Host-`). The only
   cookie that other hosts get is the ticket, which opens no page (`dsc_host.gateway.forward_auth.tickets`).
3. Scripts, styles and pictures come only from our site, and forms go only to it. No other site can frame our pages.
4. No cache stores a page. No other site learns from which of our pages a visitor comes.
5. A request that is for another host, too large or malformed is refused before its handler is called.
6. No secret is in a URL. Secrets come in forms or in cookies.

OpenID Connect has exceptions to promises 1, 2 and 6 (`dsc_host.portal.pages.openid`). Its endpoints accept forms from other
sites and from programs. Opening a link may send a client an authorization code, with which the client logs the visitor in.
Opening a link with an ID token ends the session of that token. An authorization code is in a URL, but it is valid only once,
and only together with the client's secret, key or PKCE verifier.
"""

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from unicodedata import category
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dsc_host.errors import InputError
from dsc_host.server.bodies import SlowBody

MOST_BYTES = 64 * 1024
MOST_FIELDS = 100
LANGUAGE = "lang"
"""The name of the cookie with the code of the language that the visitor or a program has chosen."""
_LANGUAGE_SECONDS = 365 * 24 * 60 * 60
_TOKEN_BYTES = 32
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\\\s]+)(:[0-9]{0,5})?", re.ASCII)
_COOKIE_LETTERS = 128
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The content security policy for a drawing. It allows the styles in the drawing, and nothing else."""


class Rejected(Exception):
    """The refusal of a request before its handler is called, with the HTTP `status` and an English `reason`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names and attributes of the cookies. `secure` means that visitors connect over https."""

    secure: bool

    @property
    def session(self) -> str:
        """The name of the cookie with the visitor's token."""
        return "__Host-session" if self.secure else "session"

    def read(self, request: Request) -> str:
        """Return the visitor's token, or empty text if the cookie is missing or cannot be a token."""
        value = request.cookies.get(self.session, "")
        return value if 16 <= len(value) <= _COOKIE_LETTERS and value.isascii() else ""

    def write(self, response: Response, token: str) -> None:
        """Set the cookie with the visitor's token."""
        response.set_cookie(self.session, token, secure=self.secure, httponly=True, samesite="lax", path="/")

    def keep(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie that lasts `seconds` and contains no secret in clear, for example the language or a sealed notice."""
        response.set_cookie(
            name, value, max_age=seconds, secure=self.secure, httponly=True, samesite="lax", path="/"
        )  # fmt: skip

    def keep_language(self, response: Response, code: str) -> None:
        """Set the cookie with the language of the pages."""
        self.keep(response, LANGUAGE, code, _LANGUAGE_SECONDS)

    def drop(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


def new_visitor() -> str:
    """Return a token for a visitor who has not begun a login. The token belongs to no session. A login replaces it."""
    return "v." + secrets.token_urlsafe(_TOKEN_BYTES)


def csrf(token: str) -> str:
    """Return the CSRF token for the forms of the visitor with this token. The visitor's token cannot be derived from it."""
    return hmac.new(token.encode(), b"dscplus csrf", "sha256").hexdigest()


def check_post(request: Request, token: str, form: Mapping[str, str]) -> None:
    """Raise `Rejected` unless a POST comes from a page that our site has shown to this visitor."""
    origin = request.headers.get("origin")
    # Browsers write the origin as SCHEME://HOST. Compare the host as text, because parsing could fail.
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Rejected(403, "another site")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Rejected(403, "another site")
    if not token or not hmac.compare_digest(csrf(token), form.get("csrf", "").encode("ascii", "replace").decode()):
        raise Rejected(403, "no token")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises `Rejected` if the body is too large, too slow or not a form, if a field occurs twice, or if a text contains control
    characters.
    """
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Rejected(415, "no form")
    body = await read_body(request)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=MOST_FIELDS
        )  # fmt: skip
    except ValueError:
        raise Rejected(400, "malformed") from None
    form = dict(pairs)
    if len(form) != len(pairs) or any(not _is_clean(text) for pair in pairs for text in pair):
        raise Rejected(400, "malformed")
    return form


async def read_body(request: Request) -> bytes:
    """Return the whole body. Raises `Rejected` if the body is too large or does not arrive in time."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Rejected(413, "too large")
    except SlowBody:
        raise Rejected(408, "too slow") from None
    return body


def _is_clean(text: str) -> bool:
    # People paste texts with no-break spaces, which `str.isprintable` refuses. Their category is "Zs".
    return all(letter.isprintable() or letter in "\r\n\t" or category(letter) == "Zs" for letter in text)


class Guard:
    """ASGI middleware that adds the security headers to every response, and refuses requests for other hosts."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], secure: bool) -> None:
        """Protect `app`. `hosts` are names without a port, in lower case."""
        self._app = app
        self._hosts = hosts
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request to the application, or refuse it if its host is not ours."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if _name(host) not in self._hosts:
            refusal = Response("there is no such host here\n", 421, media_type="text/plain")
            await refusal(scope, receive, self._guarded(scope, send))
            return
        await self._app(scope, receive, self._guarded(scope, send))

    def _guarded(self, scope: Scope, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower(): value for name, value in message["headers"]}
                # Check the status too: caches must not store the error page for a missing file.
                is_file = str(scope["path"]).startswith("/static/") and message["status"] in (200, 206, 304)
                headers = self._headers(given.get(b"content-type", b""), is_file=is_file)
                message["headers"] = [*message["headers"], *(each for each in headers if each[0] not in given)]
            await send(message)

        return guarded

    def _headers(self, media_type: bytes, *, is_file: bool) -> list[tuple[bytes, bytes]]:
        headers = {
            "content-security-policy": _PICTURE_POLICY if media_type.startswith(b"image/svg+xml") else _POLICY,
            "x-frame-options": "DENY",
            "x-content-type-options": "nosniff",
            # Do not use "no-referrer": with it, browsers send our own forms with the origin "null".
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "cache-control": "max-age=300" if is_file else "no-store",
        }
        if self._secure:
            headers["strict-transport-security"] = "max-age=31536000"
        return [(name.encode(), value.encode()) for name, value in headers.items()]


def check_hosts(hosts: Iterable[str]) -> None:
    """Raise `InputError` unless each of `hosts` is a name that a visitor's request can have, without a scheme and a port."""
    for host in hosts:
        if not host.isascii() or not host.isprintable() or _name(host) != host.lower() or not host:
            raise InputError(
                "public",
                "must be a host name without https:// and without a port, for example login.example.com, not {host!r}",
                host=host,
            )


def _name(host: str) -> str:
    """Return the host in lower case, without its port. Return empty text if the header is neither HOST nor HOST:PORT."""
    found = _HOST.fullmatch(host)
    return found["name"].lower() if found else ""
