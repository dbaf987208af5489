"""SYSTEM's network keys → interfaces, the name and address servers a host asks, its shares.

Source: Microsoft, "TCP/IP and NBT configuration parameters" (Interfaces: IPAddress, DhcpIPAddress, NameServer,
DhcpNameServer, DefaultGateway, DhcpServer), LanmanServer `Shares` (one multi-string a share: Path=, Remark=).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key, filled

_CONNECTIONS = r"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
_EMPTY = {"", "0.0.0.0", "255.255.255.255"}


def networks(current: Key) -> Iterator[Fact]:
    """Yield interfaces, peers and shares of a control set."""
    for key in current.under(r"Services\Tcpip\Parameters\Interfaces"):
        yield from _interface(current, key)
    shares = current.at(r"Services\LanmanServer\Shares")
    for value in shares.values().values() if shares else ():
        parts = {text.partition("=")[0]: text.partition("=")[2] for text in value.texts}
        if value.name and shares and "Path" in parts:
            yield Fact("share", value.name, parts["Path"], f"key {shares.path}", filled(remark=parts.get("Remark", "")))


def _interface(current: Key, key: Key) -> Iterator[Fact]:
    dhcp = key.number("EnableDHCP") == 1
    addresses = _some(key, "DhcpIPAddress" if dhcp else "IPAddress") or _some(key, "IPAddress")
    if not addresses:
        return
    connection = current.at(f"{_CONNECTIONS}\\{key.name}\\Connection")
    name = connection.text("Name") if connection else ""
    dns = _some(key, "NameServer") or _some(key, "DhcpNameServer")
    gateway = _some(key, "DefaultGateway") or _some(key, "DhcpDefaultGateway")
    server = key.text("DhcpServer") if dhcp else ""
    fields = filled(dhcp="yes" if dhcp else "no", dhcp_server=server, dns=", ".join(dns), gateway=", ".join(gateway))
    yield Fact("network_interface", name or key.name, ", ".join(addresses), f"key {key.path}", fields)
    for address in dns:
        yield Fact("peer", address, "name server", f"key {key.path}", {"service": "dns"})
    if server not in _EMPTY:
        yield Fact("peer", server, "address server", f"key {key.path}", {"service": "dhcp"})


def _some(key: Key, name: str) -> list[str]:
    """Return the addresses of a value that holds one, several, or several in one string."""
    value = key.values().get(name.lower())
    if value is None:
        return []
    words = value.text.replace(",", " ").split()
    return [word for word in words if word not in _EMPTY]
