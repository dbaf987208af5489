"""A loaded module → its bytes: from memory first, from its image file where memory has none.

Source: "PE Format" (Microsoft documentation).

Folklore: a small dump holds no headers of most modules and code only in scattered blocks, so every question may stay
without an answer (None), which is not a no.
"""

from __future__ import annotations

from bugcheck.errors import BugcheckError
from bugcheck.images.pe_header import DIRECTORY_EXCEPTION, ByteReader, DataDirectory, PeHeader, read_pe_header
from bugcheck.machine.modules import Module
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource

SECTION_EXECUTE = 0x2000_0000
"""IMAGE_SCN_MEM_EXECUTE."""


class ModuleImage:
    """A module's bytes by RVA, from memory or else from its image file.

    Attributes:
        module: whose bytes these are.
    """

    __slots__ = ("_file", "_file_known", "_header", "_header_known", "_source", "module")

    def __init__(self, module: Module, source: StackSource) -> None:
        self.module = module
        self._source = source
        self._file: ByteReader | None = None
        self._file_known = False
        self._header: PeHeader | None = None
        self._header_known = False

    @property
    def memory(self) -> AddressSpace:
        """The memory the module lies in."""
        return self._source.memory

    @property
    def file(self) -> ByteReader | None:
        """The image file, asked for once; None when there is none."""
        if not self._file_known:
            self._file = self._source.symbols.image_of(self.module)
            self._file_known = True
        return self._file

    def try_read(self, address: int, size: int) -> bytes | None:
        """Read all of `size` bytes at the RVA `address`, or None; nothing outside the module is read."""
        if not 0 <= address <= self.module.size - size:
            return None
        data = self.memory.try_read(self.module.base + address, size)
        if data is None and self.file is not None:
            data = self.file.try_read(address, size)
        return data

    def read_up_to(self, address: int, size: int) -> bytes:
        """Read what is there of `size` bytes at the RVA `address`; may be empty."""
        size = min(size, self.module.size - address)
        if address < 0 or size <= 0:
            return b""
        data = self.memory.read_up_to(self.module.base + address, size)
        if len(data) < size and self.file is not None:
            other = self.file.read_up_to(address, size)
            data = other if len(other) > len(data) else data
        return data

    @property
    def header(self) -> PeHeader | None:
        """The image's headers, from memory if they are there and sound, else from the file; or None."""
        if not self._header_known:
            self._header_known = True
            self._header = _try_header(self.memory, self.module.base)
            if self._header is None and self.file is not None:
                self._header = _try_header(self.file, 0)
        return self._header

    @property
    def function_table(self) -> DataDirectory | None:
        """Where the table of functions with unwind information (.pdata) lies; None without headers or table."""
        return self.header.directory(DIRECTORY_EXCEPTION) if self.header else None

    def is_executable(self, rva: int) -> bool | None:
        """Tell whether code can run at an RVA, by the section table, else by the dump's map; None without either."""
        if self.header is None or not self.header.sections or self.header.gaps:
            known = self._source.executable
            return known.at(self.module.base + rva) if known is not None else None
        section = self.header.section_of(rva)
        return section is not None and bool(section.characteristics & SECTION_EXECUTE)


def _try_header(reader: ByteReader, base: int) -> PeHeader | None:
    try:
        return read_pe_header(reader, base)
    except BugcheckError:
        return None


class ModuleImages:
    """The ModuleImage of every module a walk met, made once per source."""

    __slots__ = ("_images", "_source")

    def __init__(self) -> None:
        self._source: StackSource | None = None
        self._images: dict[int, ModuleImage] = {}

    def at(self, address: int, source: StackSource) -> ModuleImage | None:
        """Find the module an address lies in; None outside all modules."""
        module = source.modules.at(address)
        if module is None:
            return None
        if self._source is not source:
            self._source, self._images = source, {}
        image = self._images.get(module.base)
        if image is None:
            image = self._images[module.base] = ModuleImage(module, source)
        return image
