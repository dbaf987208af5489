"""Symbol paths: Microsoft's own examples, round trips, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.errors import UsageError
from bugcheck.symbols.path import (
    CacheElement,
    FolderElement,
    Place,
    ServerElement,
    format_symbol_path,
    missing_folders,
    parse_symbol_path,
    places_of,
)

MSDL = "https://msdl.microsoft.com/download/symbols"


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        # "Symbol path for Windows debuggers" and "Advanced SymSrv Use" (windows-driver-docs)
        (r"C:\Dir1;C:\Dir2\DirA;", (FolderElement(r"C:\Dir1"), FolderElement(r"C:\Dir2\DirA"))),
        (r"cache*;\\someshare", (CacheElement(""), FolderElement(r"\\someshare"))),
        (r"cache*c:\MySymbols;\\someshare", (CacheElement(r"c:\MySymbols"), FolderElement(r"\\someshare"))),
        ("srv*", (ServerElement(("", MSDL)),)),
        (f"srv*{MSDL}", (ServerElement((MSDL,)),)),
        (rf"srv*c:\MyServerSymbols*{MSDL}", (ServerElement((r"c:\MyServerSymbols", MSDL)),)),
        (r"symsrv*symsrv.dll*\\mybuilds\mysymbols", (ServerElement((r"\\mybuilds\mysymbols",)),)),
        (
            r"symsrv*symsrv.dll*\\localserver\myshare\mycache*https://www.company.com/manysymbols",
            (ServerElement((r"\\localserver\myshare\mycache", "https://www.company.com/manysymbols")),),
        ),
        (
            rf"srv*c:\localcache*\\interim\store*{MSDL}",
            (ServerElement((r"c:\localcache", r"\\interim\store", MSDL)),),
        ),
        (
            r"srv**\\interim\store*https://internetsite",
            (ServerElement(("", r"\\interim\store", "https://internetsite")),),
        ),
        ("ms", (ServerElement(("", MSDL)),)),
        ("MS;/opt/symbols", (ServerElement(("", MSDL)), FolderElement("/opt/symbols"))),
        ("SRV*/c*http://h:8080/s", (ServerElement(("/c", "http://h:8080/s")),)),
        ("", ()),
        (" ; ;", ()),
    ],
)
def test_examples(text: str, elements: tuple[object, ...]) -> None:
    assert parse_symbol_path(text) == elements


@pytest.mark.parametrize(
    "text",
    [
        "srv*ftp://host/symbols",
        "srv*https://",
        "srv*https://a b/c",
        "srv*https://a/b*/cache",
        "symsrv*other.dll*/store",
        "symsrv*",
        "cache*a*b",
        "cache*https://host/symbols",
        "/a\0b",
        "/a\nb",
        "srv*" + "*".join("abcdefghijk"),
        ";".join(f"/folder{index}" for index in range(65)),
        "/" + "a" * 0x8000,
        "file:///symbols",
    ],
)
def test_what_makes_no_sense(text: str) -> None:
    with pytest.raises(UsageError):
        parse_symbol_path(text)


FOLDERS = st.sampled_from(["/sym", r"C:\sym", r"\\server\share\sym", "relative/sym", "/with space/ü"])
STORES = st.lists(FOLDERS | st.just(""), min_size=1, max_size=3)
ELEMENTS = st.one_of(
    FOLDERS.map(FolderElement),
    (FOLDERS | st.just("")).map(CacheElement),
    STORES.filter(any).map(lambda stores: ServerElement(tuple(stores))),
    STORES.map(lambda stores: ServerElement((*stores, MSDL))),
)


@given(st.lists(ELEMENTS, max_size=6))
def test_round_trip(elements: list[CacheElement]) -> None:
    assert parse_symbol_path(format_symbol_path(tuple(elements))) == tuple(elements)


@given(st.text(st.sampled_from(r"srvcachem*;:/\.hptsABC " + "\0"), max_size=60))
def test_any_text_is_a_path_or_a_usage_error(text: str) -> None:
    try:
        elements = parse_symbol_path(text)
    except UsageError:
        return
    assert parse_symbol_path(format_symbol_path(elements)) == elements


def test_places() -> None:
    # "symbols loaded from any element that appears to the right of this string are stored in" the cache
    elements = parse_symbol_path(rf"/first;cache*/cache;/second;srv*/near*/far*{MSDL}")
    assert places_of(elements, "/default") == (
        Place("/first", False),
        Place("/cache", False),
        Place("/second", False, ("/cache",)),
        Place("/near", False, ("/cache",)),
        Place("/far", False, ("/near", "/cache")),
        Place(MSDL, True, ("/far", "/near", "/cache")),
    )


def test_a_server_always_has_a_cache() -> None:
    # "If you are accessing symbols from an HTTP or HTTPS site … a downstream store is always used"
    assert places_of(parse_symbol_path(f"srv*{MSDL}"), "/default") == (Place(MSDL, True, ("/default",)),)
    assert places_of(parse_symbol_path("ms"), "/default")[0] == Place("/default", False)


def test_folders_that_are_not_there_are_named(tmp_path: Path) -> None:
    there, gone = str(tmp_path), str(tmp_path / "gone")
    assert missing_folders(f"{there};{gone};srv*{gone}2*{gone}3;cache*{gone}4") == (gone, f"{gone}3")
    # caches are made when something is fetched; a server is no folder
    assert missing_folders(f"srv*{gone}*https://example.org/symbols;ms;{there}") == ()
