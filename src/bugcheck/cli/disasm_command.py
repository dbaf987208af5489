"""`bugcheck disasm`: instructions at an address, with symbols, as a debugger's `u` lists them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from bugcheck.addresses import format_address, parse_address
from bugcheck.api import analyze_all
from bugcheck.cli.symbol_arguments import symbol_options
from bugcheck.cli.terminal import complain, output
from bugcheck.dump.dump import Architecture
from bugcheck.errors import UsageError
from bugcheck.machine.code import LONGEST_INSTRUCTION, code_bytes
from bugcheck.machine.disassembly import can_disassemble, disassemble, memory_access
from bugcheck.reports.escape import printable
from bugcheck.verdict.analysis import Analysis

MAX_COUNT = 4096


def run(options: Namespace) -> int:
    """List the instructions; 0 done, 2 wrong usage, 3 unreadable."""
    if not can_disassemble():
        complain("the disassembler (capstone) is not installed: pip install capstone")
        return 3
    password = options.password.encode() if options.password else None
    [outcome, *others] = analyze_all(
        options.files,
        hash_file=False,
        standard_input=sys.stdin.buffer,
        password=password,
        symbols=symbol_options(options),
    )
    if outcome.analysis is None or others:
        complain(str(outcome.error) if not others else f"{options.files[0]} holds {1 + len(others)} dumps: unpack it")
        return 2 if others else 3
    with output(None) as stream:
        lines = list(_lines(outcome.analysis, options))
        stream.write("".join(printable(line) + "\n" for line in lines))
    return 0


def _lines(analysis: Analysis, options: Namespace) -> Iterator[str]:
    machine = analysis.machine
    address = _address(analysis, options.address)
    count = max(1, min(options.count, MAX_COUNT))
    data, source = code_bytes(machine, address, count * LONGEST_INSTRUCTION)
    yield f"{machine.describe(address) or format_address(address, machine.architecture.bits)}:   (bytes from {source})"
    if not data:
        yield f"{format_address(address, machine.architecture.bits)} ??              ???"
        return
    context = analysis.context
    thumb = machine.architecture is Architecture.ARM32
    for instruction in disassemble(data, address, machine.architecture, count, thumb=thumb):
        line = f"{format_address(instruction.address, machine.architecture.bits)} {instruction.data.hex():<15} "
        line += instruction.padded + _target(analysis, instruction.operands)
        if context is not None and instruction.address == context.instruction_pointer:
            access = memory_access(instruction, context)
            if access is not None and not access.segment:
                value = machine.memory.try_read(access.address, access.size or 1)
                shown = "?" * 2 * (access.size or 4) if value is None else value[::-1].hex()
                line += f"   {format_address(access.address, machine.architecture.bits)}={shown}   <-- fault"
        yield line


def _target(analysis: Analysis, operands: str) -> str:
    """Name the target of a direct call or jump."""
    digits = operands.removesuffix("h")
    if not operands.endswith("h") or not all(char in "0123456789ABCDEF" for char in digits):
        return ""
    name = analysis.machine.describe(int(digits, 16))
    return f"   ({name})" if name else ""


def _address(analysis: Analysis, text: str | None) -> int:
    if text is None:
        if analysis.crash.faulting_address is None:
            raise UsageError("the dump tells no faulting instruction: give an address")
        return analysis.crash.faulting_address
    name, _, offset = text.partition("+")
    module = analysis.modules.named(name.partition("!")[0])
    if module is None:
        return parse_address(text)
    base = module.base
    symbol = name.partition("!")[2]
    if symbol:
        symbols = analysis.machine.symbolizer.symbols_of(module) if analysis.machine.symbolizer else None
        found = symbols.find(symbol) if symbols else None
        if found is None:
            raise UsageError(f"no symbol {symbol} in {module.name}")
        base += found.rva
    return base + (parse_address(offset) if offset else 0)
