"""The serial line to a card.

    with CardClient.open(find_card()) as card:
        print(card.info().serial)

docs/reference/protocol.md describes the protocol. Programs import the names in `__all__`, and no others.
"""

from dsc_host.link.client import CardClient
from dsc_host.link.derivation import derive_key
from dsc_host.link.frames import Event, mask
from dsc_host.link.records import CardInfo, Greeting, Profile
from dsc_host.link.session import SerialPort, Transcript
from dsc_host.link.transport import NoSingleCard, Port, PortMissing, discover, discover_programs, find_card, open_port

__all__ = [
    "CardClient",
    "CardInfo",
    "Event",
    "Greeting",
    "NoSingleCard",
    "Port",
    "PortMissing",
    "Profile",
    "SerialPort",
    "Transcript",
    "derive_key",
    "discover",
    "discover_programs",
    "find_card",
    "mask",
    "open_port",
]
