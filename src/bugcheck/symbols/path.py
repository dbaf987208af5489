"""A symbol path as WinDbg writes it → its elements, and back.

Source: "Symbol path for Windows debuggers", "Advanced SymSrv Use" (windows-driver-docs) and "Symbol Paths" (DbgHelp
documentation).

    C:\\sym;\\\\share\\sym               folders, searched in order
    cache*DIR                          a store searched here, and filled from everything to its right
    srv*CACHE*STORE, srv*STORE         a store, or a server when it begins with http; CACHE is filled from it
    symsrv*symsrv.dll*CACHE*STORE      the same in full
    srv*                               Microsoft's public server, with the default cache
    ms                                 bugcheck's short word for that

Folklore:
    An empty place in a chain ("srv**https://…") means the default cache; bugcheck's caller says where that is.
    Semicolons separate on every system, because colons belong to drive letters and URLs.
    A server must be the last of its chain: nothing could be written to it.
    `cache*` without a folder is common in posts and means the default cache too.
"""

from __future__ import annotations

import os.path

from bugcheck.errors import UsageError
from bugcheck.records import dataclass

MICROSOFT_SERVER = "https://msdl.microsoft.com/download/symbols"
"""Microsoft's public symbol server ("Microsoft public symbol server", windows-driver-docs)."""

SYMSRV_DLL = "symsrv.dll"
TEXT_LIMIT = 0x8000
ELEMENT_LIMIT = 64
CHAIN_LIMIT = 10
"""Stores in one chain; dbghelp's own limit."""


@dataclass(frozen=True, slots=True)
class FolderElement:
    """A folder, looked into as a heap of files and as a store."""

    path: str


@dataclass(frozen=True, slots=True)
class CacheElement:
    """`cache*DIR`: a store that what is found further right is copied to. `path` "": the default cache."""

    path: str


@dataclass(frozen=True, slots=True)
class ServerElement:
    """`srv*…`: a chain of stores, nearest first; "" is the default cache, the last may be an http(s) address."""

    stores: tuple[str, ...]

    @property
    def url(self) -> str:
        """Address of the server at the chain's end, "" when that is a folder."""
        return self.stores[-1] if is_url(self.stores[-1]) else ""


PathElement = FolderElement | CacheElement | ServerElement


@dataclass(frozen=True, slots=True)
class Place:
    """One location to look into.

    Attributes:
        location: a folder or an http(s) address.
        is_server: True for an address.
        caches: folders that what is found here should be copied to, nearest first.
    """

    location: str
    is_server: bool
    caches: tuple[str, ...] = ()


def is_url(text: str) -> bool:
    """Tell an http(s) address from a folder."""
    return text[:8].lower().startswith(("http://", "https://"))


def parse_symbol_path(text: str) -> tuple[PathElement, ...]:
    """Parse a symbol path; empty elements are skipped, as WinDbg does.

    Raises:
        UsageError: an element makes no sense; the sentence names it.
    """
    if len(text) > TEXT_LIMIT:
        raise UsageError(f"a symbol path of {len(text)} characters (at most {TEXT_LIMIT})")
    if not text.isprintable():
        raise UsageError("the symbol path holds control characters")
    parts = [part for part in (piece.strip() for piece in text.split(";")) if part]
    if len(parts) > ELEMENT_LIMIT:
        raise UsageError(f"a symbol path of {len(parts)} elements (at most {ELEMENT_LIMIT})")
    return tuple([_element(part) for part in parts])


def _element(text: str) -> PathElement:
    if text.lower() == "ms":
        return ServerElement(("", MICROSOFT_SERVER))
    word, star, rest = text.partition("*")
    word = word.lower()
    if star and word == "cache":
        return _cache(text, rest)
    if star and word == "srv":
        return _chain(text, rest)
    if star and word == "symsrv":
        dll, _, rest = rest.partition("*")
        if dll.lower() != SYMSRV_DLL:
            raise UsageError(f"{text!r}: only {SYMSRV_DLL} is spoken, not {dll!r}")
        return _chain(text, rest)
    if star or is_url(text):
        return _chain(text, text)
    _check_location(text, text)
    return FolderElement(text)


def _cache(text: str, folder: str) -> CacheElement:
    folder = folder.rstrip("*")  # `cache*DIR;*` and `cache*DIR*` are both in Microsoft's examples
    if "*" in folder or is_url(folder):
        raise UsageError(f"{text!r}: cache* takes one folder")
    _check_location(text, folder)
    return CacheElement(folder)


def _chain(text: str, rest: str) -> ServerElement:
    if not rest:
        return ServerElement(("", MICROSOFT_SERVER))
    stores = [store.strip() for store in rest.split("*")]
    if len(stores) > CHAIN_LIMIT:
        raise UsageError(f"{text!r}: {len(stores)} stores in one chain (at most {CHAIN_LIMIT})")
    for store in stores:
        _check_location(text, store)
    if any(is_url(store) for store in stores[:-1]):
        raise UsageError(f"{text!r}: a server must stand last in its chain")
    if not any(stores):
        return ServerElement(("", MICROSOFT_SERVER))
    return ServerElement(tuple(stores))


def _check_location(text: str, location: str) -> None:
    scheme, colon, rest = location.partition("://")
    if not colon:
        return
    if scheme.lower() not in ("http", "https"):
        raise UsageError(f"{text!r}: {scheme}:// is no kind of symbol server (http and https are)")
    host = rest.partition("/")[0]
    if not host or any(character.isspace() for character in location) or not host.isascii():
        raise UsageError(f"{text!r}: {location!r} is no address")


def format_symbol_path(elements: tuple[PathElement, ...]) -> str:
    """Write elements as WinDbg takes them; parsing it again gives the same elements."""
    return ";".join([_format(element) for element in elements])


def _format(element: PathElement) -> str:
    if isinstance(element, ServerElement):
        return "srv*" + "*".join(element.stores)
    return f"cache*{element.path}" if isinstance(element, CacheElement) else element.path


def places_of(elements: tuple[PathElement, ...], default_cache: str) -> tuple[Place, ...]:
    """List where to look, in order, and which folders are filled from where.

    `default_cache` is the folder that an empty store stands for; a server without any cache is given it as well,
    because a downloaded file has to lie somewhere ("Advanced SymSrv Use", the note on HTTP).
    """
    places: list[Place] = []
    left: tuple[str, ...] = ()
    for element in elements:
        if isinstance(element, FolderElement):
            places.append(Place(element.path, is_server=False, caches=left))
        elif isinstance(element, CacheElement):
            folder = element.path or default_cache
            places.append(Place(folder, is_server=False, caches=left))
            left = (*left, folder)
        else:
            places.extend(_chain_places(element, default_cache, left))
    return tuple(places)


def missing_folders(text: str) -> tuple[str, ...]:
    """List the folders of a symbol path that are not there and that nothing would be copied to.

    Raises UsageError when an element makes no sense.
    """
    named: list[str] = []
    for element in parse_symbol_path(text):
        if isinstance(element, FolderElement):
            named.append(element.path)
        elif isinstance(element, ServerElement) and not is_url(element.stores[-1]):
            named.append(element.stores[-1])
    return tuple(folder for folder in named if folder and not os.path.isdir(folder))  # noqa: PTH112 (costs 10 ms)


def _chain_places(element: ServerElement, default_cache: str, left: tuple[str, ...]) -> list[Place]:
    places: list[Place] = []
    caches = left
    for store in element.stores:
        if is_url(store):
            places.append(Place(store, is_server=True, caches=caches or (default_cache,)))
        else:
            folder = store or default_cache
            places.append(Place(folder, is_server=False, caches=caches))
            caches = (folder, *caches)
    return places
