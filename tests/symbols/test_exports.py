"""Exports as symbols."""

from __future__ import annotations

from pathlib import Path

from bugcheck.archives.files import map_file
from bugcheck.images.exports import Export, Exports
from bugcheck.symbols.exports import ExportSymbols, file_exports
from tests.images.builders import export_data, pe
from tests.symbols.test_isf import section

EXPORTS = Exports(
    "drv.sys",
    (
        Export(0x1000, "First", 1),
        Export(0x1000, "FirstAlias", 2),
        Export(0x1100, "", 3),
        Export(0x1200, "?Plain@Class@@QEAAXXZ", 4),
        Export(0x5000, "Table", 5),
    ),
)


def test_nearest_and_find() -> None:
    symbols = ExportSymbols(EXPORTS, "drv.sys")
    assert symbols.nearest(0xFFF) is None
    assert symbols.nearest(0x1010) == (0x1000, "First", 0, "export", "")
    assert symbols.nearest(0x1150) == (0x1100, "Ordinal3", 0, "export", "")
    assert symbols.nearest(0x5000 + 0x8001) is None
    assert symbols.find("Class::Plain") == symbols.find("?Plain@Class@@QEAAXXZ")
    assert symbols.find("Nothing") is None
    assert len(list(symbols.symbols())) == 5


def test_an_export_is_believed_within_its_section() -> None:
    sections = (section(".text", 0x1000, 0x1000, True), section("PAGE", 0x2000, 0x1000, True))
    symbols = ExportSymbols(EXPORTS, "drv.sys", sections)
    assert symbols.nearest(0x1FFF) is not None
    assert symbols.nearest(0x2000) is None


def test_of_a_file(tmp_path: Path) -> None:
    data, directories = export_data([0x1010, 0x1020], [(b"Open", 0), (b"Close", 1)])
    path = tmp_path / "drv.sys"
    path.write_bytes(pe(data, directories))
    symbols = file_exports(map_file(str(path)))
    assert symbols is not None
    found = symbols.nearest(0x1021)
    assert found is not None
    assert (found.name, found.rva) == ("Close", 0x1020)
    path.write_bytes(pe())
    assert file_exports(map_file(str(path))) is None
