"""An instruction pointer where no instruction should begin → where it is, and who sent it there.

Source: PE section table (IMAGE_SCN_MEM_EXECUTE); int3 padding between functions as Microsoft's linker writes it; x64
and x86 calling convention: a call leaves its return address at [rsp], a return leaves its own target just below rsp.

Folklore: a breakpoint exception between two more int3 bytes is no debugger's breakpoint, it is padding that was run
into.  Compilers put one int3 behind calls that never return, so one alone proves nothing.  Code outside all modules
may be legal (a hypervisor's or a protection driver's own pages); what sent it there is the question.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.errors import CorruptDump
from bugcheck.findings.accusation import accuse
from bugcheck.findings.fault_registers import fault_registers
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.images.pe_header import try_read_pe_header
from bugcheck.machine.modules import Module
from bugcheck.stack.call_sites import calls_before

SECTION_EXECUTE = 0x2000_0000
PADDING = b"\xcc\xcc\xcc"
LONGEST_FUNCTION = 0x4000
"""Bytes of a function that are decoded to find where its instructions begin."""
REFUTED = "code that was put there on purpose, or registers that were changed after the fault"


@rule
def instruction_pointer_astray(crash: Crash) -> Iterator[Finding]:
    """An instruction pointer in padding, data, a stack, amid an instruction or outside all modules."""
    address = crash.faulting_address
    if address is None or not crash.modules or not crash.machine.architecture.value.startswith("x"):
        return
    if not crash.dump.is_kernel and fault_registers(crash) is None:
        return  # an exception that a program raised itself may name any address
    module = crash.modules.at(address)
    if module is None and any(address in gone for gone in crash.machine.unloaded_modules):
        return  # the rule on unloaded modules speaks
    where = _outside(crash, address) if module is None else _inside(crash, address, module)
    if where:
        yield _sender(crash, address, where)


def _outside(crash: Crash, address: int) -> str:
    if crash.machine.stack_at(address) is not None:
        return "on a kernel stack" if crash.dump.is_kernel else "on a stack"
    if crash.dump.is_kernel and not address >> (crash.machine.architecture.bits - 1):
        return "at a user-mode address" if address >= 0x1_0000 else "at a null pointer"
    return "in memory of no module"


def _inside(crash: Crash, address: int, module: Module) -> str:
    if crash.memory.try_read(address - 1, 3) == PADDING:
        return f"in the padding between functions of {module.name}"
    try:
        header = try_read_pe_header(crash.memory, module.base, module.name)
    except CorruptDump:
        header = None
    if header is not None and header.sections and not header.gaps:
        section = header.section_of(address - module.base)
        if section is None or not section.characteristics & SECTION_EXECUTE:
            return f"in {section.name or 'nameless'} of {module.name}, which is data" if section else ""
    return f"amid an instruction of {module.name}" if _is_amid(crash, address, module) else ""


def _is_amid(crash: Crash, address: int, module: Module) -> bool:
    """Decode the function from its start, where symbols and bytes are at hand, to see where instructions begin."""
    symbols = crash.machine.symbolizer.symbols_of(module) if crash.machine.symbolizer else None
    symbol = symbols.nearest(address - module.base) if symbols and symbols.has_functions else None
    start = module.base + symbol.rva if symbol else address
    size = address - start
    data = crash.memory.try_read(start, size + 16) if 0 < size <= LONGEST_FUNCTION else None
    if data is None:
        return False
    from bugcheck.machine.disassembly import disassemble

    for each in disassemble(data, start, crash.machine.architecture):
        if each.address >= address:
            return each.address > address
    return False


def _sender(crash: Crash, address: int, where: str) -> Finding:
    statement = f"the processor was executing at {address:#x}, {where}"
    cited = Citation("address", "faulting instruction", format_hex(address))
    registers = fault_registers(crash)
    stack = registers.stack_pointer if registers else None
    top = crash.memory.try_pointer(stack) if stack else None
    caller = crash.modules.at(top) if top else None
    if stack is not None and top is not None and caller is not None and _called(crash, top, address):
        statement += f"; the return address on top of the stack is behind a call in {crash.modules.resolve(top)}"
        cites = (cited, Citation("memory", f"top of stack {stack:#x}", format_hex(top)))
        return _accusation(crash, caller, statement, cites, f"called {address:#x}, {where}")
    width = crash.memory.pointer_size
    if stack and crash.memory.try_pointer(stack - width) == address:
        statement += "; the same address lies just below the stack pointer: a return took it from the stack"
    return Finding(
        "instruction_pointer_astray", statement, 0.0, (cited,), category=Category.CORRUPTION, refuted_by=REFUTED
    )


def _accusation(crash: Crash, caller: Module, statement: str, citations: tuple[Citation, ...], clause: str) -> Finding:
    refuted = "a pointer to a function that something else overwrote"
    if crash.dump.is_kernel:
        return accuse(
            crash, "instruction_pointer_astray", caller, statement, 0.4, citations, clause=clause, refuted_by=refuted
        )
    return Finding(
        "instruction_pointer_astray", statement, 0.0, citations, category=Category.SOFTWARE, refuted_by=refuted
    )


def _called(crash: Crash, top: int, address: int) -> bool:
    """Tell whether an indirect call, or one straight to `address`, ends right before `top`."""
    sites = calls_before(crash.memory, top, crash.machine.architecture) or ()
    return any(site.target in (None, address) for site in sites)
