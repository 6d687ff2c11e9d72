"""Client addresses, as limits count them: one client has one IPv4 address, or a whole /64 of IPv6 addresses."""

from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX = 64
"""The bits of an IPv6 address that a provider gives to one client. The client chooses the others freely (RFC 6177)."""
_LONGEST = 64


def client_network(address: object) -> str:
    """Return the name under which a client's attempts and connections are counted.

    An IPv4 address stands for itself, also where it is written as an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`). An IPv6
    address stands for its /64. Text that is no address is returned as it is, cut to 64 letters; anything else is "".
    """
    if not isinstance(address, str):
        return ""
    text = address.strip()
    try:
        parsed = ip_address(text)
    except ValueError:
        return text[:_LONGEST]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    # As a number: without the zone, which is the name of an interface of ours.
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
