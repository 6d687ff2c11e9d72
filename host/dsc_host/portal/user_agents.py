"""The name of a visitor's browser, from the header User-Agent, as the list of sessions shows it.

The header proves nothing. It only helps users to recognize their own sessions, so the name is rough: a browser and a system.
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
"""A part of the header for each browser. The headers of earlier browsers also contain the parts of later browsers."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
"""A part of the header for each system. The header of Android names Linux too."""

_ICONS = {"Android": "mobile", "iPhone": "mobile", "iPad": "tablet"}
"""The icons of systems that are not those of computers."""


def browser_of(request: Request) -> str:
    """Return the browser and the system, for example `Firefox, Windows`; empty text if neither is known."""
    user_agent = request.headers.get("user-agent", "")
    known = (next((name for part, name in parts if part in user_agent), "") for parts in (_BROWSERS, _SYSTEMS))
    return ", ".join(filter(None, known))


def icon_of(browser: str) -> str:
    """Return the icon for a text of `browser_of`: a phone, a tablet, a computer, or a window if the system is not known."""
    system = browser.rpartition(", ")[2]
    return _ICONS.get(system, "computer" if system in dict(_SYSTEMS).values() else "window")
