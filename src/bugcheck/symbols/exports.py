"""An image's export table → Symbols, the last resort for names.

Source: `images.exports`; WinDbg shows such names with the remark "Export symbols".

Folklore: most functions of a driver are not exported, so an address far behind an export belongs to another function.
Such names are given no further than code_names.REACH, and always with their displacement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bugcheck.binary import BinaryView
from bugcheck.images.exports import Export, Exports, read_exports
from bugcheck.images.pe_header import FileImage, Section
from bugcheck.symbols.code_names import REACH
from bugcheck.symbols.symbols import Symbol, Symbols
from bugcheck.symbols.undecorate import undecorate


class ExportSymbols(Symbols):
    """Names from an export table.

    Attributes:
        sections: the image's, () when they are not known; an export is believed within its own section only.
    """

    kind = "export"

    def __init__(self, exports: Exports, source: str, sections: Sequence[Section] = ()) -> None:
        self._exports = exports
        self.source = source
        self.sections = tuple(sections)

    def nearest(self, rva: int) -> Symbol | None:
        """Find the export at or below `rva`, in the same section and not too far away."""
        found = self._exports.nearest(rva)
        if found is None or found[1] > REACH:
            return None
        export, distance = found
        return self._symbol(export) if not distance or self._section(rva) == self._section(export.rva) else None

    def find(self, name: str) -> Symbol | None:
        """Find an export by its name, decorated or not."""
        symbols = (self._symbol(export) for export in self._exports.functions)
        return next((symbol for symbol in symbols if name in (symbol.name, symbol.decorated)), None)

    def symbols(self) -> Iterator[Symbol]:
        """Iterate over all exports of this image, ascending by address."""
        for export in self._exports.functions:
            yield self._symbol(export)

    def _section(self, rva: int) -> Section | None:
        return next((section for section in self.sections if 0 <= rva - section.rva < section.extent), None)

    def _symbol(self, export: Export) -> Symbol:
        name = export.name or f"Ordinal{export.ordinal}"
        plain = undecorate(name)
        return Symbol(export.rva, plain, kind="export", decorated="" if plain == name else name)


def file_exports(view: BinaryView) -> ExportSymbols | None:
    """Read the exports of an image file; None when it has none. Raises CorruptDump when it is no PE file."""
    image = FileImage(view)
    exports = read_exports(image, image.header)
    return ExportSymbols(exports, view.name, image.header.sections) if exports.functions else None
