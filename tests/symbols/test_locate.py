"""The best symbols for an image, and the record of what was tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.errors import NotPresent
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.exports import Export, Exports
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.images.pe_header import FileImage
from bugcheck.symbols.locate import Image, SymbolLocator
from bugcheck.symbols.path import parse_symbol_path
from bugcheck.symbols.server import SymbolClient
from bugcheck.symbols.wanted import wanted_file
from tests.images.builders import export_data, pe
from tests.symbols.store_builders import GUID, Server, pdb_bytes, put, running
from tests.symbols.test_breakpad import TEXT
from tests.symbols.test_isf import table

PDB = PdbId("nt.pdb", GUID, 1)
KEY = GUID.replace("-", "") + "1"
IMAGE = Image(ImageId("nt.exe", 0x5F5E1000, 0x3000), PDB)
SYM = TEXT.replace("5A9832E5287241C1838ED98914E9B7FF1", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def locator(tmp_path: Path, path: str | None = None, **options: object) -> SymbolLocator:
    elements = parse_symbol_path(path if path is not None else str(tmp_path / "sym"))
    return SymbolLocator(elements, str(tmp_path / "cache"), **options)  # pyright: ignore[reportArgumentType]


def built(corpus: Path, name: str) -> tuple[Image, Path]:
    """An image of the synthetic corpus with its identities, and its PDB."""
    path = corpus / "synthetic" / name
    image = FileImage(map_file(str(path)))
    return (
        Image(image.header.image_id(name), read_debug_directory(image, image.header).pdb, image.header.sections),
        path.with_suffix(".pdb"),
    )


@pytest.mark.parametrize("name", ["ntkrnlmp.exe", "ntkrpamp.exe", "mydrv_x64.sys", "mydrv_x86.sys"])
def test_a_pdb_before_everything(name: str, corpus: Path, tmp_path: Path) -> None:
    image, pdb = built(corpus, name)
    assert image.pdb is not None
    put(tmp_path / "sym", pdb.read_bytes(), image.pdb.name, image.pdb.key, image.pdb.name)
    put(tmp_path / "sym", SYM.encode(), image.pdb.name.replace(".pdb", ".sym"))
    found = locator(tmp_path).locate(image)
    assert found.symbols is not None
    assert (found.symbols.kind, found.symbols.matched, found.gap) == ("pdb", True, None)
    assert next(found.symbols.symbols(), None) is not None
    assert [attempt.outcome for attempt in found.attempts] == ["found", "found"]


def test_the_image_file_names_the_pdb_where_the_dump_does_not(corpus: Path, tmp_path: Path) -> None:
    image, pdb = built(corpus, "mydrv_x64.sys")
    assert image.pdb is not None
    put(tmp_path / "sym", (corpus / "synthetic/mydrv_x64.sys").read_bytes(), "mydrv_x64.sys")
    put(tmp_path / "sym", pdb.read_bytes(), image.pdb.name, image.pdb.key, image.pdb.name)
    found = locator(tmp_path).locate(Image(image.id))
    assert found.symbols is not None
    assert found.symbols.kind == "pdb"


def test_the_matched_dump_end_to_end(corpus: Path, tmp_path: Path) -> None:
    # corpus/symbols/isf/PICKED.tsv: 10.0.19041.804, "exact match of a dump"
    image = Image(ImageId("ntoskrnl.exe", 0xD8333E6, 0x1046000), PdbId("ntkrnlmp.pdb", GUID, 1))
    found = locator(tmp_path, str(corpus / "symbols/isf")).locate(image)
    assert found.symbols is not None
    assert (found.symbols.kind, found.gap) == ("isf", None)
    symbol = found.symbols.nearest(0x3F5A80)  # nt_expected_symbols.jsonl, processor 0
    assert symbol is not None
    assert symbol.name == "KeBugCheckEx"


def test_a_table_without_a_pdb(tmp_path: Path) -> None:
    for number, place in enumerate(
        [
            (f"nt.pdb-{KEY[:-1]}-1.json",),
            ("nt.pdb", f"{KEY[:-1]}-1.json"),
            ("windows", "nt.pdb", f"{KEY[:-1]}-1.json"),
            ("symbols", "windows", "nt.pdb", f"{KEY[:-1]}-1.json"),
        ]
    ):
        folder = tmp_path / str(number)
        put(folder, json.dumps(table()).encode(), *place)
        found = locator(tmp_path, str(folder)).locate(IMAGE)
        assert found.symbols is not None
        assert found.symbols.kind == "isf"
        assert found.gap is None


def test_a_breakpad_file_without_either(tmp_path: Path) -> None:
    put(tmp_path / "sym", SYM.encode(), "nt.pdb", KEY, "nt.sym")
    found = locator(tmp_path).locate(IMAGE)
    assert found.symbols is not None
    assert found.symbols.kind == "breakpad"


def test_exports_at_last_with_a_gap(tmp_path: Path) -> None:
    exports = Exports("nt.exe", (Export(0x1000, "KeBugCheckEx", 1),))
    image = Image(IMAGE.id, PDB, (), lambda: exports)
    found = locator(tmp_path, remedy="bugcheck symbols fetch a.dmp --symbols ms").locate(image)
    assert found.symbols is not None
    assert found.symbols.kind == "export"
    assert found.gap is not None
    assert found.gap.missing == f"nt.pdb {{{GUID}}} age 1"
    assert found.gap.remedy == "bugcheck symbols fetch a.dmp --symbols ms"


def test_exports_of_the_image_file(tmp_path: Path) -> None:
    data, directories = export_data([0x1010], [(b"Open", 0)])
    put(tmp_path / "sym", pe(data, directories), "nt.exe", "5F5E10003000", "nt.exe")
    found = locator(tmp_path).locate(IMAGE)
    assert found.symbols is not None
    assert found.symbols.find("Open") is not None


def test_nothing_at_all_is_told(tmp_path: Path) -> None:
    def torn() -> Exports:
        raise NotPresent(0x1000, 1)

    found = locator(tmp_path).locate(Image(ImageId("a.sys", 1, 2), None, (), torn))
    assert found.symbols is None
    assert found.gap is not None
    assert found.gap.missing == "a.sys TimeDateStamp 00000001, SizeOfImage 2 (its PDB is named in it)"
    assert any("not present" in attempt.detail for attempt in found.attempts)
    assert locator(tmp_path, "").locate(IMAGE).symbols is None


def test_a_mismatch_is_told_and_used_only_on_request(tmp_path: Path) -> None:
    put(tmp_path / "sym", json.dumps(table()).encode(), f"nt.pdb-{KEY[:-1]}-2.json")
    image = Image(IMAGE.id, PdbId("nt.pdb", GUID, 2))
    strict = locator(tmp_path).locate(image)
    assert strict.symbols is None
    assert [attempt.outcome for attempt in strict.attempts if "json" in attempt.place] == ["mismatch"]
    assert strict.gap is not None
    assert "it is a table of" in strict.gap.missing
    loose = locator(tmp_path, loose=True).locate(image)
    assert loose.symbols is not None
    assert not loose.symbols.matched
    assert loose.gap is not None


def test_a_loose_pdb(corpus: Path, tmp_path: Path) -> None:
    image, pdb = built(corpus, "ntkrnlmp.exe")
    assert image.pdb is not None
    put(tmp_path / "sym", pdb.read_bytes(), image.pdb.name)
    other = Image(image.id, PdbId(image.pdb.name, GUID, 9))
    assert locator(tmp_path).locate(other).symbols is None
    found = locator(tmp_path, loose=True).locate(other)
    assert found.symbols is not None
    assert not found.symbols.matched


def test_a_damaged_file_does_not_stop_the_search(tmp_path: Path) -> None:
    put(tmp_path / "sym", b"{", f"nt.pdb-{KEY[:-1]}-1.json")
    put(tmp_path / "sym", SYM.encode(), "nt.sym")
    found = locator(tmp_path).locate(IMAGE)
    assert found.symbols is not None
    assert found.symbols.kind == "breakpad"
    assert "damaged" in [attempt.outcome for attempt in found.attempts]


def test_hostile_names_touch_no_file(tmp_path: Path) -> None:
    found = locator(tmp_path).locate(Image(ImageId("..", 1, 2), PdbId("../../x\0", GUID, 1)))
    assert found.symbols is None
    assert found.attempts[0].outcome == "refused"


def test_no_network_unless_asked(server: Server, tmp_path: Path) -> None:
    found = locator(tmp_path, f"srv*{server.url}").locate(IMAGE)
    assert {attempt.outcome for attempt in found.attempts} == {"skipped"}
    assert server.requests == []


def test_a_client_fetches_through_the_chain(server: Server, tmp_path: Path) -> None:
    server.files[f"/symbols/nt.pdb/{KEY}/nt.pdb"] = pdb_bytes()
    mine, near, far = tmp_path / "mine", tmp_path / "near", tmp_path / "far"
    path = f"cache*{mine};srv*{near}*{far}*{server.url}"
    with SymbolClient() as client:
        found = locator(tmp_path, path, client=client).search(wanted_file(PDB))
    assert found.path == far / "nt.pdb" / KEY / "nt.pdb"
    for folder in (mine, near):  # filled on its way ("Advanced SymSrv Use": downstream stores are)
        assert (folder / "nt.pdb" / KEY / "nt.pdb").read_bytes() == pdb_bytes()
    again = locator(tmp_path, path).search(wanted_file(PDB))
    assert again.path == mine / "nt.pdb" / KEY / "nt.pdb"
    assert len(server.requests) == 1


def test_a_cache_further_left_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    put(tmp_path / "share", pdb_bytes(), "nt.pdb")
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where a folder should be")
    path = f"cache*{blocked};cache*{tmp_path / 'mine'};srv*{tmp_path / 'near'}*{tmp_path / 'share'}"
    found = locator(tmp_path, path).search(wanted_file(PDB))
    assert found.path is not None
    assert found.matched
    assert [attempt.outcome for attempt in found.attempts if str(blocked) in attempt.place][-1] == "refused"


def test_cache_star_is_filled_from_folders(tmp_path: Path) -> None:
    put(tmp_path / "share", pdb_bytes(), "nt.pdb")
    found = locator(tmp_path, f"cache*{tmp_path / 'mine'};{tmp_path / 'share'}").search(wanted_file(PDB))
    assert found.path == tmp_path / "mine" / "nt.pdb" / KEY / "nt.pdb"
    assert found.path.read_bytes() == pdb_bytes()


def test_each_image_is_looked_for_once(tmp_path: Path) -> None:
    made = locator(tmp_path)
    assert made.locate(IMAGE) is made.locate(Image(IMAGE.id, PDB))


def test_the_image_file_itself(tmp_path: Path) -> None:
    put(tmp_path / "sym", pe(), "exe", "nt.exe")
    found = locator(tmp_path).search_image(IMAGE.id)
    assert found is not None
    assert found.path is not None
    assert FileImage(BinaryView(found.path.read_bytes(), "nt.exe")).header.time_date_stamp == 0x5F5E1000
    assert locator(tmp_path).search_image(ImageId("..", 1, 2)) is None


def test_the_corpus_store_with_a_file_in_the_wrong_folder(corpus: Path, tmp_path: Path) -> None:
    """rust-minidump keeps a .sym under a key that is not its own: not used, and said."""
    store = corpus / "user/rust-minidump__rust-minidump/breakpad-symbols/testdata/symbols"
    image = Image(ImageId("test_app.exe", 1, 2), PdbId("test_app.pdb", "6A9832E5-2872-41C1-838E-D98914E9B7FF", 1))
    found = locator(tmp_path, str(store)).locate(image)
    assert found.symbols is None
    assert "5A9832E5287241C1838ED98914E9B7FF1" in found.attempts[-2].detail + found.attempts[-1].detail
    right = Image(ImageId("test_app.exe", 1, 2), PdbId("test_app.pdb", "5A9832E5-2872-41C1-838E-D98914E9B7FF", 1))
    google = corpus / "user/google__breakpad/symbols"
    located = locator(tmp_path, str(google)).locate(right)
    assert located.symbols is not None
    assert located.symbols.kind == "breakpad"
