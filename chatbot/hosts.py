"""Decide by a request's Host header whether a server answers it (DNS rebinding); tell clients apart, name servers.

A web site can resolve its own name to 127.0.0.1; browsers on this machine then let its pages read from and write to a
server here, as of the same origin. They name the site in the Host header. An IP address there, or a name below
`localhost`, which no site owns, shows that no rebinding took place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/@?#]+)(?::\d*)?", re.IGNORECASE)
_CACHED = 64
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server on all addresses is reached


def host_check(address: str | None, names: str = "") -> Callable[[str], bool] | None:
    """Return whether a server answers requests with a Host header; None: with any.

    Args:
        address: the address that the server listens on; None or empty: every address of this machine.
        names: host names to accept besides addresses and localhost, comma-separated, or `*`. Empty: none if the
            address is a loopback address, else any: clients in a network use names that the server does not know.
    """
    known = frozenset(name.strip().lower().rstrip(".") for name in names.split(",") if name.strip())
    if "*" in known or not (known or is_loopback(address)):
        return None

    @lru_cache(_CACHED)
    def is_accepted(host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].lower().rstrip(".")
        return name in known or name == "localhost" or name.endswith(".localhost") or _is_address(name)

    return is_accepted


def is_loopback(address: str | None) -> bool:
    """Whether a server that listens on this address is reachable only from this machine; empty: on all addresses."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "0.0.0.0").is_loopback  # noqa: S104
    except ValueError:
        return False


def local_url(address: str, port: int) -> str:
    """Return the URL at which this machine reaches a server that listens on an address, perhaps on all of them."""
    host = _LOOPBACK.get(address, address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def network_of(address: str) -> str:
    """Return what a client is counted as: an IPv4 address, or an IPv6 network of 64 bits, which one client owns."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False))


def with_mapped(proxies: str) -> str:
    """Add the IPv6 form of each IPv4 address and network: a server on `::` sees IPv4 clients as `::ffff:192.0.2.1`.

    A network loses its host bits: uvicorn takes `10.0.0.5/8` for a name.

    Args:
        proxies: addresses, networks and other words, comma-separated.
    """
    parts = [part for part in map(str.strip, proxies.split(",")) if part]
    for at, part in enumerate(tuple(parts)):
        try:
            network = ipaddress.ip_network(part, strict=False)
        except ValueError:
            continue
        if "/" in part:
            parts[at] = str(network)
        if network.version == 4:
            parts.append(f"::ffff:{network.network_address}/{96 + network.prefixlen}")
    return ",".join(parts)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
