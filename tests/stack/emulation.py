"""Executes small images in unicorn and keeps, at every instruction, the true registers of every caller (tests only)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import ClassVar

import unicorn
from unicorn import arm64_const, x86_const

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture
from bugcheck.errors import NotInDump
from bugcheck.images.pe_header import FileImage
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource, Trust
from tests.stack.sources import NoSymbols, loaded, module_of

BASE = 0x1_4000_0000
STACK, STACK_SIZE = 0x2000_0000, 0x40_0000
HALT = 0x7FFF_0000
INSTRUCTION_LIMIT = 200_000


@dataclass(frozen=True)
class Caller:
    """What a frame's caller must be: registers when the callee returns, and how a walk must know."""

    registers: dict[str, int]
    trust: Trust


@dataclass
class Moment:
    """The machine before one instruction: registers, and the true callers, innermost first."""

    context: Context
    callers: list[Caller]


class EmulatedMemory(AddressSpace):
    """Memory of a running emulator."""

    stack = b""

    def __init__(self, engine: unicorn.Uc) -> None:
        self.engine = engine

    def look(self, stack_pointer: int) -> None:
        """Copy the stack in use: a walk reads it by the word, which the emulator answers a hundred times slower."""
        low = min(max(STACK, stack_pointer - 0x1000), STACK + STACK_SIZE)
        self.stack = bytes(self.engine.mem_read(low, STACK + STACK_SIZE - low))

    def piece(self, address: int, size: int) -> bytes:
        at = len(self.stack) - (STACK + STACK_SIZE - address)
        if 0 <= at < len(self.stack):
            return self.stack[at : at + size]
        for at in (size, 1):
            try:
                return bytes(self.engine.mem_read(address, at))
            except (unicorn.UcError, OverflowError):
                continue
        raise NotInDump(address)

    def hole(self, address: int) -> int:
        return 1


class Emulation:
    """One image, executed from its entry point one instruction at a time."""

    sp_name = ""
    ip_name = ""
    preserved: tuple[str, ...] = ()
    registers: ClassVar[dict[str, int]] = {}
    architecture = Architecture.X64

    def __init__(self, path: Path, is_kernel: bool = False) -> None:
        data = path.read_bytes()
        self.image = FileImage(BinaryView(data, path.name))
        self.module: Module = module_of(data, BASE, path.stem, is_kernel)
        self.engine = self.make_engine()
        self.engine.mem_map(BASE, self.module.size + 0xFFF & ~0xFFF)
        self.engine.mem_write(BASE, self.relocated(loaded(data)))
        self.engine.mem_map(STACK, STACK_SIZE)
        self.engine.mem_map(HALT, 0x1000)
        self.callers: list[Caller] = []
        limits = (STACK, STACK + STACK_SIZE)
        self.source = StackSource(EmulatedMemory(self.engine), ModuleList((self.module,)), NoSymbols(), limits)

    def hide_headers(self) -> None:
        """Take the headers out of memory, and with them every unwind table."""
        self.engine.mem_write(BASE, bytes(0x1000))

    def relocated(self, data: bytes) -> bytes:
        assert self.image.header.image_base == BASE
        return data

    def make_engine(self) -> unicorn.Uc:
        raise AssertionError

    def read(self) -> dict[str, int]:
        return {name: self.engine.reg_read(number) for name, number in self.registers.items()}

    def prepare(self) -> None:
        raise AssertionError

    def before(self, registers: dict[str, int]) -> bool:
        """Do what a processor exception would; True when the instruction must not run."""
        raise AssertionError

    def note_call(self, registers: dict[str, int]) -> None:
        """Push the caller if the next instruction is a call."""
        raise AssertionError

    def push(self, ip: int, sp: int, registers: dict[str, int], trust: Trust) -> None:
        kept = {name: registers[name] for name in self.preserved}
        self.callers.append(Caller({self.ip_name: ip, self.sp_name: sp, **kept}, trust))

    def moments(self) -> Iterator[Moment]:
        """Run, giving the machine before every instruction of the image."""
        self.prepare()
        for _ in range(INSTRUCTION_LIMIT):
            registers = self.read()
            ip = registers[self.ip_name]
            while (
                self.callers
                and self.callers[-1].registers[self.ip_name] == ip
                and (self.callers[-1].registers[self.sp_name] == registers[self.sp_name])
            ):
                self.callers.pop()
            if ip == HALT:
                assert not self.callers
                return
            memory = self.source.memory
            assert isinstance(memory, EmulatedMemory)
            memory.look(registers[self.sp_name])
            yield Moment(Context(self.architecture, "emulator", registers), self.callers[::-1])
            if self.before(registers):
                continue
            self.note_call(registers)
            self.engine.emu_start(ip, HALT + 4, count=1)
        raise AssertionError("the image does not end")


class X64(Emulation):
    sp_name, ip_name = "rsp", "rip"
    preserved = ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")
    registers: ClassVar[dict[str, int]] = {
        name: getattr(x86_const, f"UC_X86_REG_{name.upper()}")
        for name in ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "rip", *(f"r{n}" for n in range(8, 16)))
    }

    def make_engine(self) -> unicorn.Uc:
        return unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)

    def prepare(self) -> None:
        for number, name in enumerate(self.preserved):
            self.engine.reg_write(self.registers[name], 0xAAAA_0000 + number)
        sp = STACK + STACK_SIZE - 0x1000 - 8
        self.engine.mem_write(sp, pack("<Q", HALT))
        self.engine.reg_write(self.registers["rsp"], sp)
        self.engine.reg_write(self.registers["rip"], BASE + self.image.header.entry_point)
        self.push(HALT, sp + 8, self.read(), Trust.UNWIND_INFO)

    def before(self, registers: dict[str, int]) -> bool:
        code = bytes(self.engine.mem_read(registers["rip"], 2))
        if code[:1] == b"\xcc":
            return self.trap(registers, registers["rip"] + 1, has_error_code=False)
        if code == b"\x0f\x0b":
            return self.trap(registers, registers["rip"] + 2, has_error_code=True)
        if code == b"\x48\xcf":
            ip, _, _, sp, _ = self.words(registers["rsp"], 5)
            self.engine.reg_write(self.registers["rip"], ip)
            self.engine.reg_write(self.registers["rsp"], sp)
            return True
        return False

    def words(self, address: int, count: int) -> list[int]:
        data = bytes(self.engine.mem_read(address, 8 * count))
        return [int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(count)]

    def trap(self, registers: dict[str, int], returns_to: int, has_error_code: bool) -> bool:
        """Push a machine frame on the stack, aligned, and enter the image's handler."""
        sp = registers["rsp"] & ~15
        frame = [returns_to, 0x10, 0x202, registers["rsp"], 0x18]
        frame = [0, *frame] if has_error_code else frame
        sp -= 8 * len(frame)
        self.engine.mem_write(sp, pack(f"<{len(frame)}Q", *frame))
        self.engine.reg_write(self.registers["rsp"], sp)
        self.push(returns_to, registers["rsp"], registers, Trust.TRAP_FRAME)
        self.engine.reg_write(self.registers["rip"], BASE + self.handler(has_error_code))
        return True

    def handler(self, has_error_code: bool) -> int:
        """Find a handler by its unwind information: the only functions with a machine frame."""
        from bugcheck.stack.unwind_info_x64 import Operation, read_function, read_unwind_info

        table = self.image.header.directory(3)
        assert table is not None
        for at in range(0, table.size, 12):
            row = read_function(self.image, table.rva + at)
            info = None if row.unwind & 1 else read_unwind_info(self.image, row.unwind)
            for code in info.codes if info else ():
                if code.operation is Operation.PUSH_MACHFRAME and bool(code.info) == has_error_code:
                    return row.begin
        raise AssertionError("no handler")

    def note_call(self, registers: dict[str, int]) -> None:
        code = bytes(self.engine.mem_read(registers["rip"], 8))
        length = 5 if code[0] == 0xE8 else 0
        at = 1 if 0x40 <= code[0] <= 0x4F else 0
        if code[at] == 0xFF and code[at + 1] >> 3 & 7 == 2:
            mod, place = code[at + 1] >> 6, code[at + 1] & 7
            length = at + 2 + (place == 4 and mod != 3) + {0: 4 if place == 5 else 0, 1: 1, 2: 4, 3: 0}[mod]
        if length:
            self.push(registers["rip"] + length, registers["rsp"], registers, Trust.UNWIND_INFO)


class Arm64(Emulation):
    sp_name, ip_name = "sp", "pc"
    preserved = (*(f"x{n}" for n in range(19, 29)), "fp")
    registers: ClassVar[dict[str, int]] = {
        **{f"x{n}": getattr(arm64_const, f"UC_ARM64_REG_X{n}") for n in range(29)},
        "fp": arm64_const.UC_ARM64_REG_FP,
        "lr": arm64_const.UC_ARM64_REG_LR,
        "sp": arm64_const.UC_ARM64_REG_SP,
        "pc": arm64_const.UC_ARM64_REG_PC,
    }
    architecture = Architecture.ARM64
    resume: dict[str, int]

    def make_engine(self) -> unicorn.Uc:
        return unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)

    def prepare(self) -> None:
        self.engine.reg_write(arm64_const.UC_ARM64_REG_CPACR_EL1, 3 << 20)
        for number, name in enumerate(self.preserved):
            self.engine.reg_write(self.registers[name], 0xAAAA_0000 + number)
        self.engine.reg_write(self.registers["sp"], STACK + STACK_SIZE - 0x1000)
        self.engine.reg_write(self.registers["lr"], HALT)
        self.engine.reg_write(self.registers["pc"], BASE + self.image.header.entry_point)
        self.push(HALT, STACK + STACK_SIZE - 0x1000, self.read(), Trust.UNWIND_INFO)

    def before(self, registers: dict[str, int]) -> bool:
        word = int.from_bytes(self.engine.mem_read(registers["pc"], 4), "little")
        if word & 0xFFE0_001F == 0xD420_0000:  # brk
            return self.trap(registers, word >> 5 & 0xFFFF)
        if word == 0xD69F_03E0:  # eret
            for name, value in self.resume.items():
                self.engine.reg_write(self.registers[name], value)
            return True
        return False

    def trap(self, registers: dict[str, int], kind: int) -> bool:
        """Push what the kernel's entry code would and enter the handler that comes after the trapping function."""
        self.resume = {**registers, "pc": registers["pc"] + 4}
        sp = registers["sp"] - (0x10 if kind == 1 else 0x150)
        if kind == 1:
            self.engine.mem_write(sp, pack("<QQ", registers["sp"], registers["pc"] + 4))
        else:
            self.engine.mem_write(sp + 0x98, pack("<Q", registers["sp"]))
            self.engine.mem_write(sp + 0xA0, pack("<19Q", *(registers[f"x{n}"] for n in range(19))))
            self.engine.mem_write(sp + 0x138, pack("<3Q", registers["lr"], registers["fp"], registers["pc"] + 4))
        self.engine.reg_write(self.registers["sp"], sp)
        self.push(registers["pc"] + 4, registers["sp"], registers, Trust.TRAP_FRAME)
        self.engine.reg_write(self.registers["pc"], BASE + self.handlers()[kind - 1])
        return True

    def handlers(self) -> list[int]:
        """Find the handlers by their unwind information: machine frame, trap frame."""
        from bugcheck.stack.unwind_info_arm64 import Action, find_unwind_info

        table = self.image.header.directory(3)
        assert table is not None
        found: dict[Action, int] = {}
        for at in range(0, table.size, 8):
            begin = int.from_bytes(self.image.read_up_to(table.rva + at, 4), "little")
            info = find_unwind_info(self.image, table, begin)
            for code in info.codes if info else ():
                found.setdefault(code.action, begin)
        return [found[Action.MACHINE_FRAME], found[Action.TRAP_FRAME]]

    def note_call(self, registers: dict[str, int]) -> None:
        word = int.from_bytes(self.engine.mem_read(registers["pc"], 4), "little")
        if word >> 26 == 0x25 or word & 0xFFFF_FC1F == 0xD63F_0000:
            self.push(registers["pc"] + 4, registers["sp"], registers, Trust.UNWIND_INFO)
