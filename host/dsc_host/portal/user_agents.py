"""The names of a visitor's browser and system, from the header User-Agent, as the list of sessions shows them.

The header proves nothing. It helps users to recognize their own sessions, for which these two names are enough.
"""

from starlette.requests import Request

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
"""A part of the header for each browser. The first match counts: for example, the header of Edge also contains `Chrome/`."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
"""A part of the header for each system. The first match counts: for example, the header of Android also contains `Linux`."""

_ICONS = {"Android": "mobile", "iPhone": "mobile", "iPad": "tablet"}
"""The icons of the systems of phones and tablets. Other systems have the icon of a computer."""


def browser_of(request: Request) -> str:
    """Return the browser and the system, for example `Firefox, Windows`. Return empty text if neither is known."""
    user_agent = request.headers.get("user-agent", "")
    known = (next((name for part, name in parts if part in user_agent), "") for parts in (_BROWSERS, _SYSTEMS))
    return ", ".join(filter(None, known))


def icon_of(browser: str) -> str:
    """Return the name of the icon for a text of `browser_of`: a phone, a tablet, a computer, or a window for other systems."""
    system = browser.rpartition(", ")[2]
    return _ICONS.get(system, "computer" if system in dict(_SYSTEMS).values() else "window")
