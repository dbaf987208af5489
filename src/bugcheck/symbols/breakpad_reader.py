"""The text of a Breakpad symbol file → its records.

Source: Breakpad's docs/symbol_files.md; dump_syms' output in corpus/symbols/breakpad and corpus/user.

Folklore:
    `m` before an address says that several names share it.
    INLINE_ORIGIN and INLINE had a file number less, or more, in 2020; the parity of the fields tells which it is.
    Old dump_syms wrote lines with line number 0 for code of no line.
    A file cut off by a full disk ends in the middle of a record.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from bugcheck.errors import CorruptDump
from bugcheck.records import dataclass, field
from bugcheck.symbols.symbols import FpoRecord, FrameData

RECORD_LIMIT = 20_000_000
PROGRAM_LIMIT = 0x400
"""Characters of a frame program."""

_INLINE_RANGES = 1000
_FRAME_FIELDS = 9
_LARGEST = 0xFFFF_FFFF


def _numbers() -> array[int]:
    return array("I")


@dataclass(slots=True)
class Inline:
    """One inlined call: the nesting level, line and file number of the call (-1: none), which function was inlined."""

    level: int
    line: int
    file: int
    origin: int


@dataclass(slots=True)
class BreakpadRecords:
    """The records of a file; parallel arrays where there are many. Addresses are RVAs, sizes in bytes.

    Attributes:
        module: (operating system, architecture, key, name) of the MODULE record.
        frames: STACK WIN records of type 4 and 0.
        cfi: STACK CFI texts: (RVA, size for INIT or 0, rules).
        faults: how many lines could not be read.
    """

    module: tuple[str, str, str, str] = ("", "", "", "")
    code_id: str = ""
    files: dict[int, str] = field(default_factory=dict[int, str])
    function_rvas: array[int] = field(default_factory=_numbers)
    function_sizes: array[int] = field(default_factory=_numbers)
    function_names: list[str] = field(default_factory=list[str])
    public_rvas: array[int] = field(default_factory=_numbers)
    public_names: list[str] = field(default_factory=list[str])
    line_rvas: array[int] = field(default_factory=_numbers)
    line_sizes: array[int] = field(default_factory=_numbers)
    line_numbers: array[int] = field(default_factory=_numbers)
    line_files: array[int] = field(default_factory=_numbers)
    origins: dict[int, str] = field(default_factory=dict[int, str])
    inlines: list[tuple[int, int, Inline]] = field(default_factory=list[tuple[int, int, Inline]])
    frames: list[FpoRecord | FrameData] = field(default_factory=list[FpoRecord | FrameData])
    cfi: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    faults: int = 0

    def module_record(self, rest: str) -> None:
        """MODULE os architecture key name."""
        system, architecture, key, name = rest.split(" ", 3)
        self.module = (system, architecture, key, name)

    def info(self, rest: str) -> None:
        """INFO CODE_ID key [name]; other INFO records say nothing of interest."""
        if rest.startswith("CODE_ID "):
            self.code_id = rest.split(" ", 2)[1]

    def file(self, rest: str) -> None:
        """FILE number name."""
        number, name = rest.split(" ", 1)
        self.files[int(number)] = name

    def function(self, rest: str) -> None:
        """FUNC [m] address size parameter_size name."""
        rva, size, _, name = rest.removeprefix("m ").split(" ", 3)
        start, length = _range(rva, size)
        self.function_rvas.append(start)
        self.function_sizes.append(length)
        self.function_names.append(name)

    def public(self, rest: str) -> None:
        """PUBLIC [m] address parameter_size name."""
        rva, _, name = rest.removeprefix("m ").split(" ", 2)
        self.public_rvas.append(_rva(rva))
        self.public_names.append(name)

    def line(self, text: str) -> None:
        """address size line file, without a word before them."""
        rva, size, line, file = text.split(" ")
        row = (*_range(rva, size), int(line), int(file))
        if not 0 <= min(row) <= max(row) <= _LARGEST:
            raise ValueError(line[:20])
        for number, column in zip(
            row, (self.line_rvas, self.line_sizes, self.line_numbers, self.line_files), strict=True
        ):
            column.append(number)

    def origin(self, rest: str) -> None:
        """INLINE_ORIGIN number name; in 2020 a file's number stood between them."""
        number, name = rest.split(" ", 1)
        file, _, older = name.partition(" ")
        self.origins[int(number)] = older if older and file.removeprefix("-").isdecimal() else name

    def inline(self, rest: str) -> None:
        """INLINE level line [file] origin (address size)+."""
        fields = rest.split(" ")
        if len(fields) > 4 + 2 * _INLINE_RANGES:
            raise ValueError(len(fields))
        heads = 4 - len(fields) % 2
        level, line, *file, origin = [int(number) for number in fields[:heads]]
        call = Inline(level, line, file[0] if file else -1, origin)
        ranges = [_range(*fields[place : place + 2]) for place in range(heads, len(fields), 2)]
        self.inlines.extend((*place, call) for place in ranges)

    def stack(self, rest: str) -> None:
        """STACK WIN … or STACK CFI …."""
        word, rest = rest.split(" ", 1)
        if word == "WIN":
            self._stack_win(rest)
        elif word == "CFI" and rest.startswith("INIT "):
            rva, size, rules = rest[5:].split(" ", 2)
            self.cfi.append((*_range(rva, size), rules))
        elif word == "CFI":
            rva, rules = rest.split(" ", 1)
            self.cfi.append((_rva(rva), 0, rules))

    def _stack_win(self, rest: str) -> None:
        """STACK WIN kind rva size prologue epilogue parameters saved_registers locals max_stack has_program last."""
        *fields, has_program, last = rest.split(" ", _FRAME_FIELDS + 1)
        kind, rva, size, prologue, _, parameters, saved, local, stack = [_rva(number) for number in fields]
        if kind == 4 and has_program == "1":
            self.frames.append(
                FrameData(
                    rva, size, local, parameters, stack, prologue, saved, False, False, last.strip()[:PROGRAM_LIMIT]
                )
            )
        elif kind == 0:
            uses_ebp = last.strip() not in ("0", "")
            self.frames.append(FpoRecord(rva, size, local, parameters, prologue, saved, uses_ebp, False, 0))


def read_records(data: bytes, name: str) -> BreakpadRecords:
    """Read a file; lines that make no sense are counted. Raises CorruptDump when it begins with no MODULE record."""
    if not data.startswith(b"MODULE "):
        raise CorruptDump(name, "no Breakpad symbol file (it begins with no MODULE record)", 0)
    records = BreakpadRecords()
    readers: dict[str, Callable[[str], None]] = {
        "MODULE": records.module_record,
        "INFO": records.info,
        "FILE": records.file,
        "FUNC": records.function,
        "PUBLIC": records.public,
        "INLINE_ORIGIN": records.origin,
        "INLINE": records.inline,
        "STACK": records.stack,
    }
    for number, raw in enumerate(data.splitlines()):
        text = raw.decode("utf-8", "replace")
        word, _, rest = text.partition(" ")
        reader = readers.get(word)
        try:
            if reader is not None:
                reader(rest)
            elif text.strip():
                records.line(text)
        except (ValueError, TypeError, OverflowError):  # a field too few or no number
            records.faults += 1
        if number >= RECORD_LIMIT:
            records.faults += 1
            break
    if not records.module[2]:
        raise CorruptDump(name, "a Breakpad file whose MODULE record is too short", 0)
    return records


def _rva(text: str) -> int:
    """Read a hexadecimal number below 2**32. Raises ValueError."""
    if len(text) > 8 or not text.isalnum():
        raise ValueError(text[:20])
    return int(text, 16)


def _range(rva: str, size: str) -> tuple[int, int]:
    return _rva(rva), _rva(size)
