"""What every source of symbols answers: names ↔ addresses, lines, frame rules, types.

All addresses here are relative to the image base (RVAs), so one file of symbols serves every load address.  A source
says what it is and whether its identity matched; nothing is used silently that did not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from bugcheck.records import dataclass
from bugcheck.symbols.types import TypeTable


class Symbol(NamedTuple):
    """A name at an address.

    Attributes:
        rva: where it starts. name: undecorated. size: in bytes, 0 when the source does not tell.
        kind: "function", "public", "data", "export". decorated: as stored, where it differs from `name`.
    """

    rva: int
    name: str
    size: int = 0
    kind: str = "public"
    decorated: str = ""


class SourceLine(NamedTuple):
    """A place in source code."""

    file: str
    line: int


class InlineCall(NamedTuple):
    """A function that was inlined at an address, with the place of the call inside its parent."""

    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class FpoRecord:
    """FPO_DATA: how an x86 function without frame pointer keeps its frame (Microsoft PE format, "FPO").

    Sizes are in bytes. `frame_type`: 0 FPO, 1 trap, 2 TSS, 3 non-FPO. `uses_ebp` tells that EBP is allocated for
    general use.
    """

    rva: int
    size: int
    locals_size: int
    parameters_size: int
    prologue_size: int
    saved_registers_size: int
    uses_ebp: bool
    has_seh: bool
    frame_type: int


@dataclass(frozen=True, slots=True)
class FrameData:
    """FRAMEDATA: an x86 frame rule with a program in postfix notation (Microsoft `cvinfo.h`; DIA IDiaFrameData)."""

    rva: int
    size: int
    locals_size: int
    parameters_size: int
    max_stack: int
    prologue_size: int
    saved_registers_size: int
    has_seh: bool
    is_function_start: bool
    program: str


class Symbols(ABC):
    """Symbols of one image.

    Attributes:
        kind: "pdb", "isf", "breakpad", "export".
        source: file they came from, for people.
        matched: False when their identity differs from the image's and they are used on request only.
        has_functions: True when function records with sizes are there, not only publics.
    """

    kind: str = ""
    source: str = ""
    matched: bool = True
    has_functions: bool = False

    @abstractmethod
    def nearest(self, rva: int) -> Symbol | None:
        """Find the symbol that covers `rva`, or the nearest below it that plausibly does."""

    @abstractmethod
    def find(self, name: str) -> Symbol | None:
        """Find a symbol by its undecorated (or decorated) name, case-sensitively."""

    @abstractmethod
    def symbols(self) -> Iterator[Symbol]:
        """Iterate over all symbols, ascending by address."""

    def line_at(self, rva: int) -> SourceLine | None:  # noqa: ARG002
        """Source line of an address; None where the source of symbols has none."""
        return None

    def inlines_at(self, rva: int) -> tuple[InlineCall, ...]:  # noqa: ARG002
        """Functions inlined at an address, innermost first."""
        return ()

    def frame_rule(self, rva: int) -> FpoRecord | FrameData | None:  # noqa: ARG002
        """x86 frame rule for an address; FrameData before FPO where both exist."""
        return None

    @property
    def types(self) -> TypeTable | None:
        """Structure layouts, or None when the source has none."""
        return None
