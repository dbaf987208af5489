"""What a debugger's log says of a crash: the types that `sections.py`, `stack.py` and `registers.py` fill.

Source: the field names are the debugger's (../shared/facts/windbg.md §3).

Folklore: everything here is hearsay of a debugger, printed, copied and pasted: a value that is absent was not printed
or was lost on the way, and says nothing about the crash.
"""

from __future__ import annotations

from typing import NamedTuple

from bugcheck.binary import BinaryView


class LogFrame(NamedTuple):
    """A line of STACK_TEXT.

    Attributes:
        frame_address: ChildEBP or Child-SP. return_address: as printed. ip: of this level, 0 where nothing tells it.
        arguments: the words between them. module: debugger name, "" for a bare address. function: "" without symbol.
        offset: from the function, or from the module. inline: an inlined function. warning: printed above the line.
    """

    frame_address: int
    return_address: int
    ip: int
    arguments: tuple[int, ...]
    module: str
    function: str
    offset: int
    inline: bool = False
    warning: str = ""


class LogContext(NamedTuple):
    """A register block: its source as Context has it ("trap frame 0x…", "exception"), its address or 0, registers."""

    source: str
    address: int
    registers: dict[str, int]


class LogModule(NamedTuple):
    """A module named in the log; base and end are 0 where no line tells them."""

    name: str
    image: str = ""
    base: int = 0
    end: int = 0
    time_date_stamp: int = 0
    version: str = ""


class LogSystem(NamedTuple):
    """The machine as the preamble or the fields tell it; 0, "" and None where they don't.

    `is_build_guess` tells that the build is only that of the time DEFAULT_BUCKET_ID's name belongs to; `time` and
    `uptime` are in units of 100 ns, `time` since 1601.
    """

    os: str = ""
    build: int = 0
    is_build_guess: bool = False
    build_lab: str = ""
    service_pack: int | None = None
    processors: int | None = None
    is_server: bool | None = None
    time: int = 0
    utc_offset_seconds: int | None = None
    uptime: int = 0


class LogFacts(NamedTuple):
    """A log, read.

    Attributes:
        fields: the fields of the analysis as printed, in their order. title: the bug check's name, "" without.
        frames: STACK_TEXT. context: registers at the fault, or None. names: code address → its name in the log.
        memory: the bytes the log shows, as `Dump.virtual` refers to them.
        process_name, irql, system: of the machine. is_code_known: whether the log tells which bug check it was.
        probable_cause: what the short analysis names (`Probably caused by`), "" without.
        unplaced: bases in `Dump.modules` that only cover the addresses seen.
    """

    fields: tuple[tuple[str, tuple[str, ...]], ...]
    title: str
    frames: tuple[LogFrame, ...]
    context: LogContext | None
    names: dict[int, str]
    memory: BinaryView
    process_name: str
    irql: int | None
    system: LogSystem
    is_code_known: bool
    probable_cause: str
    unplaced: frozenset[int]

    def field(self, name: str) -> str:
        """The first line with words of a field, "" where the log has none."""
        lines = next((lines for field, lines in self.fields if field == name), ())
        return next((line.strip() for line in lines if line.strip()), "")
