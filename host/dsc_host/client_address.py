"""Client addresses for rate limits: a client is one IPv4 address, or a whole /64 of IPv6 addresses."""

from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX = 64
"""The number of address bits that a provider assigns to one client. The client chooses the others freely (RFC 6177)."""
_LONGEST = 64


def client_network(address: object) -> str:
    """Return the name under which a client's attempts and connections are counted.

    An IPv4 address is its own name, also if it is written as an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`). An IPv6 address
    has the name of its /64. Text that is not an address is returned unchanged, cut to 64 characters. Anything else gives "".
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
    # The number leaves out the zone, which names a network interface of this machine.
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
