"""Modules and a symbol locator → symbols and image files per module, proved to belong to this machine.

Source: the images' own identities (debug directory, TimeDateStamp and SizeOfImage); for kernels whose debug directory
the dump left out, the addresses of kernel variables that KDDEBUGGER_DATA64 repeats.

Folklore: small dumps hardly ever hold the kernel's debug directory, so the PDB's GUID is not known from them.  Yet
the debugger data names a dozen kernel variables by address: a table of symbols that puts all of them there is the
right one, as surely as a GUID says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bugcheck.errors import BugcheckError, CorruptDump
from bugcheck.gaps import Gap
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.exports import Exports, read_exports
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.images.pe_header import ByteReader, FileImage, PeHeader, Section, try_read_pe_header
from bugcheck.machine.debugger_data import DebuggerData
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass, replace
from bugcheck.symbols.candidates import candidate_pdbs
from bugcheck.symbols.locate import Image, Located, SymbolLocator
from bugcheck.symbols.symbols import Symbols
from bugcheck.symbols.undecorate import full_name

FINGERPRINT: Mapping[str, str] = {
    "PsLoadedModuleList": "loaded_module_list",
    "PsActiveProcessHead": "active_process_head",
    "PspCidTable": "cid_table",
    "KiProcessorBlock": "processor_block",
    "MmUnloadedDrivers": "unloaded_drivers",
    "MmLastUnloadedDriver": "last_unloaded_driver",
    "MmTriageActionTaken": "triage_action_taken",
    "KernelVerifier": "kernel_verifier",
    "MmPhysicalMemoryBlock": "physical_memory_block",
}
"""Kernel variable → name of its address in the debugger data (not NtBuildLab: newer builds name NtBuildLabEx)."""
ENOUGH_AGREEMENT = 5


@dataclass(frozen=True, slots=True)
class ModuleSymbols:
    """What was found for one module: symbols, image file, and what is missing."""

    symbols: Symbols | None
    image: ByteReader | None
    pdb: PdbId | None
    located: Located | None


class Symbolizer:
    """Symbols of all modules of a machine, each looked for once and only when asked for.

    Args:
        modules, memory: of the machine. locator: where to look, or None: only exports in the dump are used.
        debugger_data: proves tables for a kernel without PDB identity.
        details: PDB identity of a module as the dump's own pages tell it.

    Attributes:
        full_names: C++ names are given with return type and parameters.
    """

    def __init__(
        self,
        modules: ModuleList,
        memory: AddressSpace,
        locator: SymbolLocator | None,
        debugger_data: DebuggerData | None,
        details: Callable[[Module], PdbId | None],
    ) -> None:
        self._modules = modules
        self._memory = memory
        self.locator = locator
        self._debugger_data = debugger_data
        self._details = details
        self._found: dict[int, ModuleSymbols] = {}
        self.full_names = locator is not None and locator.full_names

    def symbols_of(self, module: Module) -> Symbols | None:
        """Symbols of a module, or None."""
        return self.found(module).symbols

    def image_of(self, module: Module) -> ByteReader | None:
        """The module's image file, mapped at RVA 0, or None."""
        return self.found(module).image

    def found(self, module: Module) -> ModuleSymbols:
        """Everything found for a module."""
        if module.base not in self._found:
            self._found[module.base] = self._find(module)
        return self._found[module.base]

    def was_searched(self, module: Module) -> bool:
        """Tell whether a module's symbols were asked for already."""
        return module.base in self._found

    def searched(self) -> Iterator[tuple[Module, ModuleSymbols]]:
        """The modules that were asked for so far, with what was found."""
        for module in self._modules:
            if module.base in self._found:
                yield module, self._found[module.base]

    def gaps(self) -> list[Gap]:
        """What is missing for the modules that were asked for."""
        return [each.located.gap for _, each in self.searched() if each.located and each.located.gap]

    def describe(self, address: int, *, is_return_address: bool = False) -> str | None:
        """Write an address as `module!symbol+0x10` or `module+0x10`; None outside all modules.

        A return address is looked up one byte earlier: a call may be the last instruction of its function.
        """
        module = self._modules.at(address)
        if module is None:
            return None
        symbols = self.symbols_of(module)
        rva = address - module.base
        symbol = symbols.nearest(rva - is_return_address) if symbols else None
        if symbol is None:
            return f"{module.name}+{rva:#x}"
        offset = rva - symbol.rva
        name = full_name(symbol) if self.full_names else symbol.name
        return f"{module.name}!{name}" + (f"+{offset:#x}" if offset else "")

    def _find(self, module: Module) -> ModuleSymbols:
        header = self._header(module)
        pdb = self._details(module)
        image = self._image_file(module)
        if image is not None:
            header = header if header is not None and header.sections else image.header
            pdb = pdb or read_debug_directory(image, image.header).pdb
        sections = header.sections if header else ()
        located = self._locate(module, pdb, sections, header)
        return ModuleSymbols(located.symbols if located else None, image, pdb, located)

    def _header(self, module: Module) -> PeHeader | None:
        if self._memory.try_read(module.base, 2) != b"MZ":
            return None
        try:
            return try_read_pe_header(self._memory, module.base, module.name)
        except CorruptDump:
            return None

    def _image_file(self, module: Module) -> FileImage | None:
        """The image file from the symbol path, proved by TimeDateStamp and SizeOfImage."""
        if self.locator is None or not self.locator.places:
            return None
        found = self.locator.search_image(_identity(module))
        if found is None or found.path is None or not found.matched:
            return None
        from bugcheck.archives.files import map_file

        try:
            return FileImage(map_file(str(found.path)))
        except BugcheckError:
            return None

    def _locate(
        self, module: Module, pdb: PdbId | None, sections: tuple[Section, ...], header: PeHeader | None
    ) -> Located | None:
        if self.locator is None:
            return None
        exports = (lambda: self._exports(module, header)) if header is not None else None
        image = Image(_identity(module), pdb, sections, exports)
        if pdb is None and module.name == "nt":
            proved = self._proved_kernel(module, image)
            if proved is not None:
                return proved
        return self.locator.locate(image)

    def _exports(self, module: Module, header: PeHeader | None) -> Exports:
        if header is None:
            raise CorruptDump(module.image, "no header in the dump")
        return read_exports(self._memory, header)

    def _proved_kernel(self, module: Module, image: Image) -> Located | None:
        """Look through kernel symbol files at hand for one that the debugger data proves."""
        if self.locator is None or self._debugger_data is None:
            return None
        for pdb in candidate_pdbs(self.locator.places, self._kernel_addresses(module)):
            located = self.locator.locate(replace(image, pdb=pdb, exports=None))
            if located.symbols is not None and self._agreement(module, located.symbols) >= ENOUGH_AGREEMENT:
                return located
        return None

    def _kernel_addresses(self, module: Module) -> dict[str, int]:
        """RVAs of the kernel variables that the debugger data tells."""
        data = self._debugger_data
        told = {name: data[key] for name, key in FINGERPRINT.items()} if data else {}
        return {name: address - module.base for name, address in told.items() if address and address in module}

    def _agreement(self, module: Module, symbols: Symbols) -> int:
        """Number of kernel variables where the symbols put them; 0 when any is elsewhere."""
        agreed = 0
        for name, rva in self._kernel_addresses(module).items():
            symbol = symbols.find(name)
            if symbol is not None and symbol.rva != rva:
                return 0
            agreed += symbol is not None
        return agreed


def _identity(module: Module) -> ImageId:
    return ImageId(module.image, module.time_date_stamp, module.size)
