"""The choice of the event loop (uvloop if installed, or asyncio) and of the request parser (httptools if installed, or h11)."""

import asyncio
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Implementation:
    """The packages that serve connections in this process."""

    loop: str
    """The event loop: `uvloop` or `asyncio`."""
    parser: str
    """The parser of requests: `httptools` or `h11`."""

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """Return the class of a connection. Import its packages only now."""
        if self.parser == "h11":
            from dsc_host.server.h11_protocol import LimitedProtocol

            return LimitedProtocol
        from dsc_host.server.fast_protocol import FastProtocol

        return FastProtocol


def installed() -> Implementation:
    """Return the fastest implementation whose packages are installed. The extra `fast` installs both."""
    loop, parser = (name if find_spec(name) else other for name, other in (("uvloop", "asyncio"), ("httptools", "h11")))
    return Implementation(loop, parser)
