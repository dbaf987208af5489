"""What a caller wants of symbols → what looks for them and what fetches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bugcheck.symbols.locate import SymbolLocator
    from bugcheck.symbols.server import SymbolClient


class SymbolOptions(NamedTuple):
    """Where symbols come from, and whether the network may be used.

    Attributes:
        path: a symbol path in WinDbg's syntax (`ms` is Microsoft's public server); its servers are asked, for giving it
            is asking for it.
        local_path: a symbol path of which only folders and caches are used (_NT_SYMBOL_PATH, say).
        cache: folder for downloads and indexes; None is the caller's default.
        loose: use symbols of another build when there are no others, marked as such.
        proxy: address of an HTTP proxy, or None. timeout: seconds to wait for a server.
        full_names: C++ names with return type and parameters, as far as symbols tell them.
        progress: told (file name, bytes done, bytes in total or 0) while files are fetched.
    """

    path: str = ""
    local_path: str = ""
    cache: str | None = None
    loose: bool = False
    proxy: str | None = None
    timeout: float | None = None
    progress: Callable[[str, int, int], None] | None = None
    full_names: bool = False


def locator_of(options: SymbolOptions, cache: str) -> SymbolLocator:
    """Make what looks for symbols, with downloads and indexes in the folder `cache`.

    Raises:
        UsageError: a symbol path is malformed.
    """
    from bugcheck.symbols.locate import SymbolLocator
    from bugcheck.symbols.path import FolderElement, parse_symbol_path, places_of

    elements = parse_symbol_path(options.path)
    asks_servers = any(place.is_server for place in places_of(elements, cache))
    folders: list[str] = []
    for place in places_of(parse_symbol_path(options.local_path), cache):
        folders.extend(place.caches if place.is_server else [place.location])
    local = [FolderElement(folder) for folder in dict.fromkeys(folders)]
    client = client_of(options) if asks_servers else None
    locator = SymbolLocator((*elements, *local), cache, client, loose=options.loose)
    locator.full_names = options.full_names
    return locator


def client_of(options: SymbolOptions) -> SymbolClient:
    """Make what fetches from symbol servers. Nothing is sent before it is asked for a file."""
    from dataclasses import replace

    from bugcheck.symbols.http import HttpSettings
    from bugcheck.symbols.server import ServerSettings, SymbolClient

    http = HttpSettings(proxy=options.proxy or "")
    if options.timeout is not None:
        http = replace(http, connect_timeout=options.timeout, read_timeout=options.timeout)
    if options.progress is None:
        return SymbolClient(ServerSettings(http=http))
    return SymbolClient(ServerSettings(http=http), progress=options.progress)
