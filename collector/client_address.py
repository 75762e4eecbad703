"""Whose address a request came from, and how it is cut without consent.

Proxies are believed only if the operator named their networks, and then from the right: each hop's
word holds as far as the hop itself is trusted (RFC 7239 section 8.1). Pure functions.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(
    peer: str, hops: Sequence[str], trusted: Sequence[Network]
) -> IPv4Address | IPv6Address | None:
    """Return the client's address; None if the peer has none (a Unix socket).

    `hops` are the addresses a proxy header lists, left to right. The rightmost one that is not a
    trusted proxy is the client; what stands left of it anyone could have written.
    """
    address = parse_address(peer)
    for hop in reversed(hops):
        if address is None or not _is_trusted(address, trusted):
            break
        before = parse_address(hop)
        if before is None:
            break
        address = before
    return address


def forwarded_for(value: str) -> list[str]:
    """Return the hops of an X-Forwarded-For value."""
    return [hop.strip() for hop in value.split(",") if hop.strip()]


def forwarded(value: str) -> list[str]:
    """Return the `for` hop of each element of a Forwarded value (RFC 7239 section 4).

    Unknown ones are kept as they are, and an element without one is an empty hop: what stands left
    of a proxy that does not say who asked it, a client may have written.
    """
    hops = []
    for element in value.split(","):
        if not element.strip():
            continue
        pairs = (pair.strip().partition("=") for pair in element.split(";"))
        hops.append(
            next((hop.strip().strip('"') for name, _, hop in pairs if name.lower() == "for"), "")
        )
    return hops


def parse_address(text: str) -> Address | None:
    """Read an address, with or without brackets and port; None if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def whole_and_cut(text: str) -> tuple[str, str]:
    """Return an address in its canonical form, whole and cut; two empty texts if it is none."""
    try:
        # Takes the canonical form of IPv4 only, and is ten times as fast as `ipaddress`.
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        address = parse_address(text)
        return (str(address), str(truncated(address))) if address is not None else ("", "")
    return text, text[: text.rindex(".")] + ".0"


def truncated(address: Address) -> Address:
    """Return the address cut to /24 (IPv4) or /48 (IPv6), as data protection authorities ask."""
    if isinstance(address, IPv4Address):
        return IPv4Address(int(address) >> 8 << 8)
    return IPv6Address(int(address) >> 80 << 80)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in trusted)
