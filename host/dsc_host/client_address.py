"""Client addresses for rate limits: a client is one IPv4 address, or a whole /64 of IPv6 addresses."""

from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX = 64
"""The number of leading address bits that identify a client.

A client is assigned at least a whole /64 (RFC 6177), and chooses the other bits freely.
"""
_LONGEST = 64


def client_network(address: object) -> str:
    """Return the key under which a client's attempts and connections are counted.

    The key of an IPv4 address is the address, even if it is written as an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`). The
    key of any other IPv6 address is its /64. The key of any other text is its first 64 characters. White space around the text
    is ignored. A value that is not text has the key "".
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
    # The conversion to a number drops the zone. A zone, for example `%eth0`, names a network interface of this machine.
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
