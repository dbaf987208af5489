"""Volatility tables: every name of the hand-checked dump, types against Volatility 3 itself, and hostile tables."""

from __future__ import annotations

import gzip
import json
import lzma
import random
from pathlib import Path
from typing import Any

import pytest

from bugcheck.dump.open import open_dumps
from bugcheck.errors import BugcheckError, CorruptDump, DumpError, LimitExceeded
from bugcheck.images.identity import PdbId
from bugcheck.images.pe_header import PeHeader, Section, read_pe_header
from bugcheck.machine.machine import Machine
from bugcheck.symbols import isf_index
from bugcheck.symbols.code_names import is_constant, is_function_name, is_label
from bugcheck.symbols.isf import IsfSymbols, open_isf, read_isf
from bugcheck.symbols.isf_index import Source

GUID = "5278AFF8-6C34-1677-D7D7-835C85B7B844"
DUMP = "kernel/rizinorg__rizin-testbins__triage_x64.dmp"


def table(**changes: Any) -> dict[str, Any]:
    """Write a table by hand, after volatility3/schemas/schema-6.2.0.json."""
    base = {
        "char": ("char", 1, True),
        "long": ("int", 4, True),
        "pointer": ("int", 8, False),
        "void": ("void", 0, False),
    }
    return {
        "metadata": {"windows": {"pdb": {"GUID": GUID.replace("-", ""), "age": 1, "database": "nt.pdb"}}},
        "base_types": {
            name: {"kind": kind, "size": size, "signed": signed, "endian": "little"}
            for name, (kind, size, signed) in base.items()
        },
        "enums": {"_COLOUR": {"base": "long", "size": 4, "constants": {"Red": 0, "Green": 7}}},
        "symbols": {
            "Function": {"address": 0x1000},
            "$$0": {"address": 0x1010},
            "Alias": {"address": 0x1100},
            "Bonus": {"address": 0x1100},
            "??_C@_0M@text@": {"address": 0x1200},
            "_Kept": {"address": 0x9000, "linkage_name": "__Kept"},
            "Data": {"address": 0x20000},
            "?Plain@Class@@QEAAXXZ": {"address": 0x1150},
        },
        "user_types": {
            "_NODE": {
                "kind": "struct",
                "size": 40,
                "fields": {
                    "Bits": {
                        "offset": 8,
                        "type": {"kind": "bitfield", "bit_position": 3, "bit_length": 5, "type": LONG},
                    },
                    "Next": {"offset": 0, "type": {"kind": "pointer", "subtype": {"kind": "struct", "name": "_NODE"}}},
                    "Names": {"offset": 12, "type": {"kind": "array", "count": 4, "subtype": LONG}},
                    "Colour": {"offset": 28, "type": {"kind": "enum", "name": "_COLOUR"}},
                    "u": {"offset": 32, "anonymous": True, "type": {"kind": "union", "name": "_INNER"}},
                    "Call": {"offset": 32, "type": {"kind": "pointer", "subtype": {"kind": "function"}}},
                },
            },
            "_INNER": {
                "kind": "union",
                "size": 8,
                "fields": {"Low": {"offset": 0, "type": LONG}, "High": {"offset": 4, "type": LONG}},
            },
        },
        **changes,
    }


LONG = {"kind": "base", "name": "long"}


def written(tmp_path: Path, content: object, name: str = "t.json") -> str:
    path = tmp_path / name
    data = json.dumps(content).encode()
    packers = {".xz": lzma.compress, ".gz": gzip.compress}
    path.write_bytes(packers.get(path.suffix, bytes)(data))
    return str(path)


def section(name: str, rva: int, size: int, code: bool) -> Section:
    return Section(name, rva, size, 0, size, 0x6000_0020 if code else 0x4000_0040)


@pytest.mark.parametrize("name", ["t.json", "t.json.xz", "t.json.gz", "wrong-suffix.gz.json"])
def test_the_three_packings(name: str, tmp_path: Path) -> None:
    symbols = open_isf(written(tmp_path, table(), name))
    assert symbols.pdb == PdbId("nt.pdb", GUID, 1)
    assert [symbol.rva for symbol in symbols.symbols()] == [
        0x1000,
        0x1010,
        0x1100,
        0x1100,
        0x1150,
        0x1200,
        0x9000,
        0x20000,
    ]
    assert symbols.find("Bonus") == (0x1100, "Bonus", 0, "public", "")
    assert symbols.find("__Kept") == symbols.find("_Kept")
    assert symbols.find("nothing") is None


def name_at(symbols: IsfSymbols, rva: int) -> str | None:
    found = symbols.nearest(rva)
    return found and (found.name if found.rva == rva else f"{found.name}+{rva - found.rva:#x}")


def test_nearest_without_sections(tmp_path: Path) -> None:
    symbols = open_isf(written(tmp_path, table()))
    assert name_at(symbols, 0xFFF) is None
    assert name_at(symbols, 0x1008) == "Function+0x8"
    assert name_at(symbols, 0x1010) == "$$0"
    assert name_at(symbols, 0x1020) == "Function+0x20"  # a label lies inside its function
    assert name_at(symbols, 0x1104) == "Alias+0x4"
    assert name_at(symbols, 0x1200) == "??_C@_0M@text@"
    assert name_at(symbols, 0x1300) is None  # code behind a literal has no name
    assert name_at(symbols, 0x11000) == "_Kept+0x8000"
    assert name_at(symbols, 0x11001) is None  # too far away


def test_nearest_with_sections(tmp_path: Path) -> None:
    sections = [
        section(".text", 0x1000, 0x8000, True),
        section("PAGE", 0x9000, 0x100, True),
        section(".data", 0x9100, 0x20000, False),
    ]
    symbols = open_isf(written(tmp_path, table()), sections=sections)
    assert name_at(symbols, 0x9010) == "_Kept+0x10"
    assert name_at(symbols, 0x9110) is None  # the next section
    assert name_at(symbols, 0x21000) == "Data+0x1000"
    assert symbols.nearest(0x21000) == (0x20000, "Data", 0, "data", "")


def test_cxx_names_are_undecorated(tmp_path: Path) -> None:
    found = open_isf(written(tmp_path, table())).nearest(0x1150)
    assert found is not None
    assert (found.name, found.decorated) == ("Class::Plain", "?Plain@Class@@QEAAXXZ")


def test_types(tmp_path: Path) -> None:
    types = open_isf(written(tmp_path, table())).types
    assert types is not None
    node = types.layout("NODE")
    assert node is not None
    assert node == types.layout("_NODE")
    assert (node.kind, node.size, list(node.members)[:3]) == ("struct", 40, ["Next", "Bits", "Names"])
    bits, names, next_ = node.members["Bits"], node.members["Names"], node.members["Next"]
    assert (bits.offset, bits.bit_position, bits.bit_count, bits.type.name) == (8, 3, 5, "long")
    assert (names.type.kind, names.type.size, names.type.count) == ("array", 16, 4)
    assert next_.type.target is not None
    assert (next_.type.kind, next_.type.size, next_.type.target.name, next_.type.target.size) == (
        "pointer",
        8,
        "_NODE",
        40,
    )
    assert (node.members["Colour"].type.kind, node.members["Colour"].type.size) == ("enum", 4)
    assert (node.offset("Low"), node.offset("High"), node.offset("u")) == (32, 36, None)  # lifted
    inner = types.layout("_INNER")
    assert inner is not None
    assert inner.kind == "union"
    colour = types.enumeration("COLOUR")
    assert colour is not None
    assert colour.values == {"Red": 0, "Green": 7}
    assert types.layout("_NOTHING") is None
    assert types.enumeration("_NOTHING") is None


def test_another_pdb_is_refused_or_marked(tmp_path: Path) -> None:
    path = written(tmp_path, table())
    assert open_isf(path, expect=PdbId("nt.pdb", GUID, 1)).matched
    with pytest.raises(DumpError, match="wanted was"):
        open_isf(path, expect=PdbId("nt.pdb", GUID, 2))
    assert not open_isf(path, expect=PdbId("nt.pdb", GUID, 2), loose=True).matched
    nameless = written(tmp_path, table(metadata={}), "n.json")
    with pytest.raises(DumpError, match="no PDB"):
        open_isf(nameless, expect=PdbId("nt.pdb", GUID, 1))


def test_the_index_is_used_and_renewed(tmp_path: Path) -> None:
    path, cache = written(tmp_path, table()), str(tmp_path / "cache")
    open_isf(path, cache=cache)
    (index,) = (tmp_path / "cache").iterdir()
    first = index.read_bytes()
    assert open_isf(path, cache=cache).find("Data") is not None
    assert index.read_bytes() == first
    for damaged in (b"", first[:-1], first[:200], first[:-1] + b"\0", b"X" * len(first)):
        index.write_bytes(damaged)
        assert open_isf(path, cache=cache).find("Data") is not None
        assert index.read_bytes() == first
    written(tmp_path, table(symbols={"New": {"address": 1}}))
    assert open_isf(path, cache=cache).find("Data") is None


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert open_isf(written(tmp_path, table()), cache=str(tmp_path / "file")).find("Data") is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"symbols": []}',
        b"[" * 100_000,
        b'{"symbols": {"a": {"address": ' + b"9" * 5000 + b"}}}",
        b"\xfd7zXZ\0garbage",
        b"\x1f\x8bgarbage",
        lzma.compress(b"{}")[:-10],
    ],
)
def test_what_is_no_table(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(DumpError):
        open_isf(str(path))


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        read_isf(b"{" * 1_500_001, "t", Source(0, 0))
    bomb = tmp_path / "t.json.xz"
    bomb.write_bytes(lzma.compress(bytes((48 << 20) + 1), preset=0))
    with pytest.raises(LimitExceeded):
        open_isf(str(bomb))


def test_nonsense_inside_a_table_is_passed_over(tmp_path: Path) -> None:
    odd = {
        "a": {"address": -1},
        "b": {"address": "x"},
        "c": {},
        "d": None,
        "e": {"address": 1 << 40},
        "ok": {"address": 16},
    }
    loop = {
        "kind": "struct",
        "size": "x",
        "fields": {"f": {"offset": -1, "anonymous": True, "type": {"name": "_LOOP"}}},
    }
    deep: dict[str, Any] = LONG
    for _ in range(100):
        deep = {"kind": "pointer", "subtype": deep}
    types = {"_LOOP": loop, "_DEEP": {"fields": {"p": {"type": deep}, "q": 3, "r": {"type": []}}}, "_NULL": None}
    symbols = open_isf(
        written(tmp_path, table(symbols=odd, user_types=types, enums={"_E": {"constants": []}}, base_types=[]))
    )
    assert [symbol.name for symbol in symbols.symbols()] == ["ok"]
    assert symbols.types is not None
    for name in ("_LOOP", "_DEEP", "_NULL"):
        symbols.types.layout(name)
    enumeration = symbols.types.enumeration("_E")
    assert enumeration is not None
    assert enumeration.values == {}


def test_unnamed_types_within_themselves_end(tmp_path: Path) -> None:
    fields = {f"f{n}": {"offset": n, "anonymous": True, "type": {"name": f"_T{n}"}} for n in range(30)}
    types = {f"_T{n}": {"size": 8, "fields": {**fields, f"m{n}": {"offset": 0, "type": LONG}}} for n in range(30)}
    found = open_isf(written(tmp_path, table(user_types=types))).types
    assert found is not None
    layout = found.layout("_T0")
    assert layout is not None
    assert sorted(layout.members) == sorted(f"m{n}" for n in range(30))


def test_mutants_are_read_or_refused(tmp_path: Path) -> None:
    whole = json.dumps(table()).encode()
    source = random.Random(3)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(source.randrange(1, 6)):
            data[source.randrange(len(data))] = source.choice(b'{}[],:"0199-eax ')
        exercise(bytes(data))


def exercise(data: bytes) -> None:
    """Read a table's bytes and use everything in it; only bugcheck's own errors may come."""
    try:
        index = isf_index.read(read_isf(data, "mutant", Source(0, 0)))
        assert index is not None
        symbols = IsfSymbols(index, "mutant", True)
        for symbol in list(symbols.symbols())[:50]:
            symbols.nearest(symbol.rva + 1)
            assert symbols.find(symbol.decorated or symbol.name) is not None
        assert symbols.types is not None
        for name in ("_NODE", "_INNER"):
            symbols.types.layout(name)
        symbols.types.enumeration("_COLOUR")
    except BugcheckError:
        return


def test_names() -> None:
    assert not any(
        map(is_constant, ["KeBugCheckEx", "guard_dispatch_icall", "_guard_retpoline_exit", "_TlgWrite", "?f@@YAXXZ"])
    )
    assert all(
        map(is_constant, ["??_C@_0M@x@", "__imp_ExFreePool", "_guard_fids_table", "HAL_NULL_THUNK_DATA", "__xmm@00"])
    )
    assert is_label("$LN12")
    assert not is_function_name("$$0")
    assert is_function_name("_C_specific_handler")


# ---- real tables ----


@pytest.fixture(scope="session")
def nt(corpus: Path) -> tuple[str, PeHeader, dict[str, Any]]:
    """The table that matches a dump exactly, nt's headers from that dump, and what was read by hand."""
    expected = json.loads((corpus / "expected/nt_expected_symbols.jsonl").read_text().splitlines()[0])
    (opened,) = open_dumps(str(corpus / DUMP))
    assert opened.dump is not None
    header = read_pe_header(Machine(opened.dump).memory, int(expected["nt_base"], 16), "nt")
    return str(corpus / f"symbols/isf/ntkrnlmp.pdb-{expected['guid_age']}.json.xz"), header, expected


def nt_words(expected: dict[str, Any]) -> list[tuple[int, str, str]]:
    """All nt addresses of the file as (RVA, name, kind)."""
    base = int(expected["nt_base"], 16)
    rows = [(int(row["ip"], 16) - base, row["sym"], "code") for row in expected["cpu_ips"]]
    rows += [
        (int(row["value"], 16) - base, row["sym"].removeprefix("nt!"), row["kind"])
        for row in expected["stack_words"]
        if row["sym"].startswith("nt!")
    ]
    return rows


def test_every_nt_name_of_the_matched_dump(nt: tuple[str, PeHeader, dict[str, Any]], tmp_path: Path) -> None:
    # corpus/expected/nt_expected_symbols.jsonl; "a|b+0x8" there gives both names of an address
    path, header, expected = nt
    symbols = open_isf(path, cache=str(tmp_path), expect=PdbId("ntkrnlmp.pdb", GUID, 1), sections=header.sections)
    rows = nt_words(expected)
    assert len(rows) == 95
    unnamed = 0
    for rva, name, kind in rows:
        if kind.startswith("unnamed"):
            assert name_at(symbols, rva) is None
            unnamed += 1
        else:
            names, plus, offset = name.partition("+")
            assert name_at(symbols, rva) == names.split("|")[0] + plus + offset
    assert unnamed == 5


def test_without_sections_no_name_is_wrong(nt: tuple[str, PeHeader, dict[str, Any]], tmp_path: Path) -> None:
    path, _, expected = nt
    symbols = open_isf(path, cache=str(tmp_path))
    nameless = 0
    for rva, name, kind in nt_words(expected):
        got = name_at(symbols, rva)
        if got is None:
            assert kind == "data" or kind.startswith("unnamed")
            nameless += 1
        else:
            assert got in [
                f"{alias}{name[name.find('+') :] if '+' in name else ''}" for alias in name.partition("+")[0].split("|")
            ]
    assert nameless == 7


def their_size(theirs: Any, kind: Any) -> int | None:
    """Size of a member's template; references are looked up, functions have none."""
    word = kind.vol.type_name.rpartition("!")[2]
    if word == "array":
        inner = their_size(theirs, kind.vol.subtype)
        return None if inner is None else inner * kind.vol.count
    if word == "function":
        return None
    return theirs.get_type(word).size if type(kind).__name__ == "ReferenceTemplate" else kind.size


def test_types_as_volatility_reads_them(corpus: Path, tmp_path: Path) -> None:
    """All structures of one real table: size, and each member's offset, size and bits."""
    from volatility3.framework import contexts
    from volatility3.framework.symbols import intermed

    path = corpus / "symbols/isf/ntkrnlmp.pdb-5278AFF86C341677D7D7835C85B7B844-1.json.xz"
    theirs = intermed.IntermediateSymbolTable(contexts.Context(), "", "nt", path.as_uri())
    ours = open_isf(str(path), cache=str(tmp_path)).types
    assert ours is not None
    checked = 0
    for name in sorted(json.loads(lzma.decompress(path.read_bytes()))["user_types"])[::7]:
        template = theirs.get_type(name)
        layout = ours.layout(name)
        assert layout is not None
        assert layout.size == template.size
        for member, (offset, kind) in template.vol.members.items():
            assert layout.members[member].offset == offset
            if kind.vol.type_name.rpartition("!")[2] == "bitfield":
                bits = layout.members[member]
                assert (bits.bit_position, bits.bit_count) == (
                    kind.vol.start_bit,
                    kind.vol.end_bit - kind.vol.start_bit,
                )
            elif (size := their_size(theirs, kind)) is not None:
                assert layout.members[member].type.size == size
            checked += 1
    assert checked > 1500


def test_a_saved_index_spares_reading_the_table(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(corpus / "symbols/isf/ntkrnlmp.pdb-54D7D2CB60778ADE7A575354D318B1EC-1.json.xz")
    open_isf(path, cache=str(tmp_path))
    monkeypatch.setattr("bugcheck.symbols.isf.read_isf", None)
    assert open_isf(path, cache=str(tmp_path)).find("KeBugCheckEx") is not None


def test_corrupt_is_corrupt() -> None:
    with pytest.raises(CorruptDump):
        read_isf(b"{}", "t", Source(0, 0))
