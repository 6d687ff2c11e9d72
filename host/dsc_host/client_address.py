"""Client addresses for rate limits: a client is one IPv4 address, or a whole /64 of IPv6 addresses."""

from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX = 64
"""The number of address bits that a provider assigns to one client. The client chooses the others freely (RFC 6177)."""
_LONGEST = 64


def client_network(address: object) -> str:
    """Return the key under which a client's attempts and connections are counted.

    The key of an IPv4 address is the address, even if it is written as an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`). The
    key of an IPv6 address is its /64. Text that is not an address is returned unchanged, cut to 64 characters. Other types give
    "".
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
    # Convert to a number, which leaves out the zone (%eth0): it names an interface of this machine.
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
