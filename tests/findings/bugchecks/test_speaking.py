"""The other rules, one by one: what each says of a crash made for it, and whom it accuses."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.findings.findings import BUGCHECK_RULES, Category, Crash
from bugcheck.machine.machine import Machine
from bugcheck.synth.description import MachineDescription
from tests.crashes import crash_of, with_registers
from tests.findings.bugchecks.builders import (
    AT,
    FLAKY,
    GONE,
    IN_FLAKY,
    IN_NT,
    MACHINE,
    accused,
    crash_with,
    described_check,
    device_stack,
    findings,
    renamed,
    stack_of,
    statements,
    unicode_string,
)

ON_STACK = stack_of(IN_NT, IN_FLAKY, IN_FLAKY + 8, IN_FLAKY + 0x10, IN_NT)
DISPLAY = renamed(2, "nvlddmkm.sys")
AMD = renamed(2, "atikmdag.sys")
THREAD = crash_with(0xEA).machine.thread
USER_PAGE = 0x217_8BA7_F000
ENTRY = 0xFFFF_DD00_0000_0000 + (USER_PAGE >> 9 & 0x7F_FFFF_FFF8)
"""Where Windows keeps the page table entry of that page: corpus 1a.dmp has ffffdd010bc5d3f8 for it."""
ENTRY_STACK = stack_of(IN_NT, USER_PAGE + 0x10, IN_NT)
PFN_KERNEL = crash_with(0x4E).dump.kernel
FRAME = {
    PFN_KERNEL.pfn_database if PFN_KERNEL else 0: struct.pack("<Q", 0xFFFF_FA80_0000_0000),
    0xFFFF_FA80_0000_0000 + 0x1234 * 0x30: struct.pack("<QQQQHHIQ", 0, ENTRY, 0, 1, 2, 6, 0, 0),
}
"""MmPfnDatabase, and an MMPFN as 10.0.19041 lays it out."""
STATUS = 0xFFFF_FFFF_0000_0000
"""64-bit parameters hold a status sign-extended."""


@dataclass
class Case:
    """A crash: code, parameters, memory, stack and machine; what must be said; who is accused; what it points at."""

    code: int
    parameters: tuple[int, ...]
    says: str
    accuses: str | None = None
    category: Category | None = None
    memory: dict[int, bytes] = field(default_factory=dict[int, bytes])
    stack: bytes = bytes(0x100)
    machine: MachineDescription = MACHINE
    rip: int = IN_NT

    @property
    def crash(self) -> Crash:
        """The crash, built and read back."""
        parameters, memory, stack = self.parameters, self.memory, self.stack
        return crash_with(self.code, *parameters, memory=memory, stack=stack, machine=self.machine, rip=self.rip)


def exception_record(code: int, address: int, *parameters: int) -> bytes:
    """An EXCEPTION_RECORD64 of winnt.h."""
    return struct.pack("<IIQQII15Q", code, 0, 0, address, len(parameters), 0, *(*parameters, *[0] * 15)[:15])


HARDWARE, CORRUPTION = Category.HARDWARE, Category.CORRUPTION
CASES = [
    # video
    Case(0x116, (0, IN_FLAKY, STATUS | 0xC000009A), "nvlddmkm.sys (nvlddmkm+0x1020)", "nvlddmkm", machine=DISPLAY),
    Case(0x116, (0, 0x1234), "the display drivers loaded are nvlddmkm.sys", machine=DISPLAY),
    Case(0x117, (0, IN_FLAKY), "did not answer in time and was reset", "nvlddmkm", machine=DISPLAY),
    Case(0x141, (0, IN_FLAKY), "graphics engine that did not answer", "nvlddmkm", machine=DISPLAY),
    Case(0x119, (2,), "the driver refused a command", "nvlddmkm", machine=DISPLAY, stack=ON_STACK),
    Case(0x113, (0x19,), "first driver on the stack", "nvlddmkm", machine=DISPLAY, stack=ON_STACK),
    Case(0x10E, (0x1F,), "first driver on the stack", "nvlddmkm", machine=DISPLAY, stack=ON_STACK),
    Case(0xEA, (THREAD.address if THREAD else 0,), "is the innermost", "nvlddmkm", machine=DISPLAY, stack=ON_STACK),
    Case(0xEA, (0, 0, AT), "the watchdog names", "nvlddmkm", machine=DISPLAY, memory=unicode_string(AT, "nvlddmkm")),
    Case(0xA0000001, (5,), "is the AMD display driver that is loaded", "atikmdag", machine=AMD),
    # time
    Case(0x133, (0, 0x501, 0x500), "1281 ticks (about 20.0 s), allowed are 1280", "flaky", stack=ON_STACK),
    Case(0x133, (1, 0x1E00), "many routines", "flaky", stack=ON_STACK),
    Case(0x101, (0x30, 0, 0x1234, 3), "processor 3 stopped answering the clock", category=HARDWARE),
    Case(0x1D5, (int.from_bytes(b"flaky", "little"),), "begins with 'flaky'", "flaky"),
    # damage found
    Case(0x139, (3,), "a linked list", "flaky", stack=ON_STACK),
    Case(0x1A, (0x31,), "most likely by hardware", category=HARDWARE),
    Case(0x1A, (0x403, 0, 0x8000000012345867, 0x8000000012345827), "disagree in one bit", category=HARDWARE),
    Case(0x1A, (0x1236, 0x1234), "innermost driver outside Windows", "flaky", stack=ON_STACK),
    Case(0x1A, (0x41287, 0x68), "touched a null pointer plus 0x68"),
    Case(0x1A, (0x41792, ENTRY, 1 << 37), f"maps {USER_PAGE:#x}, a user-mode address of System", stack=ENTRY_STACK),
    Case(0x50, (ENTRY,), f"page table entry of {USER_PAGE:#x} (stack word", stack=ENTRY_STACK),
    Case(0x4E, (0x8D,), "most likely by hardware", category=HARDWARE),
    Case(0x4E, (7, 0x1234), "innermost driver outside Windows", "flaky", stack=ON_STACK),
    Case(0x4E, (0x99, 0x1234), "is damaged", category=CORRUPTION),
    Case(0x4E, (0x99, 0x1234), "page frame 0x1234 is in use, reference count 2", memory=FRAME),
    Case(0x1A, (0x1233, 0x1234), "page frame 0x1234 is in use, reference count 2", memory=FRAME),
    Case(0x19, (3, AT, AT ^ 0x100, AT), "in one bit", category=HARDWARE),
    Case(0x13A, (0x12, AT, AT + 8), "its finder is not its cause", category=CORRUPTION),
    Case(0x109, (0, 0, IN_FLAKY, 1), "what changed belongs to flaky+0x1020", category=CORRUPTION),
    Case(0x1C7, (0,), "changed by itself", category=HARDWARE),
    Case(0x12B, (0, 0x40000), "physical address 0x40000000, 1.0 GiB"),
    Case(0xF7, (0x1111, 0x1110), "in a single bit", category=HARDWARE),
    Case(0xF7, (0x1234, 0x9ABC), "innermost driver on the stack", "flaky", stack=ON_STACK),
    # memory accesses
    Case(0x0A, (AT, 2, 8, AT), "sent to 0xffff9b0002500000, where no code is", "flaky", stack=ON_STACK),
    Case(0xD1, (IN_FLAKY + 0x2000, 2, 0, IN_FLAKY), "a part of its own image that was not in memory", "flaky"),
    Case(0xC5, (FLAKY.base + 0x3000, 2, 0, IN_NT), "the address lies in the image of flaky.sys"),
    Case(0x50, (0x7FFE0320, 0, IN_NT), "the address itself is a good one"),
    Case(0x50, (IN_FLAKY + 0x2000, 0, IN_FLAKY), "that is not mapped (flaky+0x3020)", "flaky"),
    Case(0xBE, (IN_FLAKY, 0x8A00000000200121), "present, read-only, not executable"),
    Case(0xFC, (AT, 0x8000000012345863), "innermost driver outside Windows", "flaky", stack=ON_STACK),
    Case(0x7F, (0x12,), "machine check", category=HARDWARE),
    Case(0x7F, (8,), "double fault"),
    # exceptions
    Case(0x3B, (0x80000003, IN_FLAKY), "a check its maker put there failed", "flaky"),
    Case(0x1E, (STATUS | 0xC0000094, IN_NT), "integer divide by zero"),
    Case(0x8E, (0xC0000096, IN_NT), "privileged instruction"),
    Case(
        0x7E,
        (STATUS | 0xC0000006, IN_NT, AT),
        "could not be read from its file or the page file (STATUS_IO_DEVICE_ERROR)",
        category=HARDWARE,
        memory={AT: exception_record(0xC0000006, IN_NT, 0, 0x1000, 0xC0000185)},
    ),
    Case(
        0x24,
        (0x00190123, AT),
        "at line 291 of its source file 0x19",
        category=HARDWARE,
        memory={AT: exception_record(0xC0000006, IN_NT, 0, 0x1000, 0xC000009C)},
    ),
    Case(
        0x154,
        (0, AT),
        "the store met",
        category=HARDWARE,
        memory={AT: struct.pack("<QQ", AT + 0x40, 0).ljust(0x40, b"\0") + exception_record(0xC0000005, IN_NT, 0, 8)},
    ),
    # pool and verifier
    Case(0xC2, (0x9B, 1, 0x20, IN_FLAKY), "parameter 4 leads to flaky.sys", "flaky"),
    Case(0xC2, (7, 0, 0, AT), "freed a second time", "flaky", stack=ON_STACK),
    Case(0xC4, (0x3B, 2), "a wait was started at DISPATCH_LEVEL or above", "flaky", stack=ON_STACK),
    Case(0xC4, (0x62, AT), "flaky.sys", "flaky", memory=unicode_string(AT, "flaky.sys")),
    Case(0xC9, (0x219, IN_FLAKY), "a failed power IRP is being passed down", "flaky"),
    Case(0xC1, (AT, 0x10, 0, 0x24), "special pool was on", "flaky", stack=ON_STACK),
    Case(0xCC, (AT, 0, IN_FLAKY), "special pool was on", "flaky"),
    Case(0xD5, (AT, 1, IN_FLAKY), "special pool was on", "flaky"),
    Case(0xD6, (AT, 1, IN_FLAKY), "special pool was on", "flaky"),
    Case(0xCE, (GONE.start + 0x10, 0x10), "was unloaded while a timer", GONE.name),
    # devices
    Case(0xCA, (1, AT, 0), "it belongs to flaky.sys", "flaky", memory=device_stack(FLAKY.base)),
    Case(0xA0, (0x300, 0, AT), "it belongs to flaky.sys", "flaky", memory=device_stack(FLAKY.base)),
    Case(0x144, (3, 0, 0, AT), "it belongs to flaky.sys", "flaky", memory=device_stack(FLAKY.base)),
    Case(0x10D, (4, 0, IN_FLAKY), "parameter 3 leads to flaky.sys", "flaky"),
    Case(0xFE, (5, 0, 0x80869D2F), "(PCI ids 8086:9d2f)", category=HARDWARE),
    # disk, files, settings
    Case(0x7A, (4, STATUS | 0xC000009C, 0, 0x1000), "the disk could not read a sector", category=HARDWARE),
    Case(0x7A, (1, STATUS | 0xC0000005, 0, IN_FLAKY), "the page is part of flaky+0x1020", category=CORRUPTION),
    Case(0x7A, (4, STATUS | 0xC000009A), "for lack of memory", category=Category.SOFTWARE),
    Case(0x77, (STATUS | 0xC0000185, STATUS | 0xC0000185), "its connection", category=HARDWARE),
    Case(0x77, (1, 0x55), "0x55 stood there", category=HARDWARE),
    Case(0x7B, (AT, 0), r"the boot device is \ArcName\multi(0)", memory=unicode_string(AT, r"\ArcName\multi(0)")),
    Case(0x74, (2, 0, 0, STATUS | 0xC000014C), "STATUS_REGISTRY_CORRUPT", category=Category.CONFIGURATION),
    Case(0xC0000218, (AT,), r"hive \SystemRoot\SAM", memory=unicode_string(AT, r"\SystemRoot\SAM")),
    Case(0xC000021A, (AT, 0xC0000005), "Windows SubSystem", memory=unicode_string(AT, "Windows SubSystem")),
    Case(0x3D, (AT,), "integer divide by zero", memory={AT: exception_record(0xC0000094, IN_NT)}),
    Case(0x162, (0x1234, IN_FLAKY), "the lock lies in flaky+0x1020", "flaky", stack=ON_STACK),
    Case(0x18, (AT, 0x1234), "the object is a File", "flaky", memory=unicode_string(AT + 0x10, "File"), stack=ON_STACK),
    Case(0x20, (0, 0xFFFF), "entered critical regions once more than it had left them"),
    Case(0x20, (0, 2), "left critical regions 2 times more than it had entered them"),
    Case(0x193, (0x100,), "first driver on the stack", "nvlddmkm", machine=DISPLAY, stack=ON_STACK),
    Case(0x15F, (3, 5, 0, IN_FLAKY), "a veto of the power engine plug-in", "flaky"),
    Case(0x76, (0, 0x1234, 7), "ended with 7 pages"),
    Case(0x76, (1, 0x1234, 7), "innermost driver outside Windows", "flaky", stack=ON_STACK),
    # start-up, stops on purpose, locks, threads, chips
    Case(0x5C, (0x110, 5), "could not set up the board", category=HARDWARE),
    Case(0x65, (), "could not finish its start", category=HARDWARE),
    Case(0xDE, (AT,), "on their way to disk was overwritten", category=CORRUPTION),
    Case(0xE2, (), "asked for by NotMyFault", machine=renamed(2, "myfault.sys"), rip=IN_FLAKY),
    Case(0x1C8, (7000,), "was held for 7 s"),
    Case(0xE3, (IN_FLAKY, 0x1234), "the resource lies in flaky+0x1020", "flaky", stack=ON_STACK),
    Case(0xE3, (0, 0x1234), "not the one that was running"),
    Case(0x11B, (0x1234, IN_FLAKY), "parameter 2 leads to flaky.sys", "flaky"),
    Case(0x13C, (0x1234, 3), "ended with an I/O boost that nobody took back (0x3)"),
    Case(0x14B, (AT,), "('GPU core')", category=HARDWARE, memory=unicode_string(AT, "GPU core")),
    Case(0x14F, (5, 1, AT), "points into flaky.sys only", "flaky", memory={AT: stack_of(IN_NT, IN_FLAKY)}),
    Case(0x14F, (5, 0x100), "win32k did not switch the monitor on in time"),
    Case(0x153, (0x1234, AT, 1), "it still names a lock", "flaky", stack=ON_STACK),
    Case(0x153, (0x1234, AT, 3), "entry of the thread that ended is damaged", category=CORRUPTION),
    Case(0x1A1, (THREAD.address if THREAD else 0,), "of the thread that is held up", "flaky", stack=ON_STACK),
    Case(0x1AB, (AT, 3), "normal kernel stack of a thread", "flaky", stack=ON_STACK),
    Case(
        0x1CA, (10_000_000, 60_000_000, 0, 9), "no clock tick was handled for 5.0 s on processor 9", category=HARDWARE
    ),
    Case(0xC0000221, (AT,), "the file ntdll.dll is damaged", memory=unicode_string(AT, "ntdll.dll")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code:X}-{case.says[:24]}")
def test_it_speaks(case: Case) -> None:
    crash = case.crash
    assert case.says in statements(crash)
    assert set(accused(crash)) == ({case.accuses} if case.accuses else set())
    if case.category is not None:
        assert case.category in {finding.category for finding in findings(crash) if finding.weight}


def test_every_rule_has_a_case() -> None:
    elsewhere = {0x9F, 0x124, 0xEF, 0xF4}
    assert {code for rule in BUGCHECK_RULES for code in rule.codes} == {case.code for case in CASES} | elsewhere


WAITING = MACHINE.processes[0].threads[1]


def waiting_thread() -> dict[int, bytes]:
    """An ETHREAD that waits: its kernel stack pointer, limits, and the driver's return addresses on the stack."""
    layout = crash_with(0x9F).machine.layout
    raw = bytearray(0x600)
    places = {"KernelStack": WAITING.kernel_stack, "StackBase": WAITING.stack_base, "StackLimit": WAITING.stack_limit}
    for member, value in places.items():
        struct.pack_into("<Q", raw, layout.offset(f"KTHREAD.{member}") or 0, value)
    return {AT: bytes(raw), WAITING.kernel_stack: ON_STACK}


@pytest.mark.parametrize("parameters", [(0x9F, 4, 300, AT), (0x1D5, 0, 0, AT)])
def test_a_waiting_threads_stack_is_looked_at(parameters: tuple[int, ...]) -> None:
    code, *rest = parameters
    assert accused(crash_with(code, *rest, memory=waiting_thread())) == ["flaky"]


def test_a_stuck_thread_that_does_not_run_is_looked_at() -> None:
    crash = crash_with(0xEA, AT, memory=waiting_thread(), machine=DISPLAY)
    assert "the stuck thread is a waiting one" in statements(crash)
    assert accused(crash) == ["nvlddmkm"]


def test_a_lone_word_of_a_driver_is_no_suspect() -> None:
    # corpus 9f.dmp and 111317-27812-01.dmp: such words were left over, or no code addresses.
    assert accused(crash_with(0x139, 3, stack=stack_of(IN_NT, IN_FLAKY, IN_NT))) == []


@pytest.mark.parametrize("code", [0xEF, 0xF4])
def test_a_critical_process_is_named_with_its_end(code: int) -> None:
    process = crash_with(code).machine.process
    assert process is not None
    parameters = (process.address,) if code == 0xEF else (3, process.address)
    crash = crash_with(code, *parameters)
    assert "the process that ended is System (process 4)" in statements(crash)
    assert accused(crash) == []


def test_a_thread_started_by_a_driver_is_its_own() -> None:
    processes = list(MACHINE.processes)
    first, *rest = processes[0].threads
    threads = (replace(first, start_address=IN_FLAKY), *rest)
    machine = replace(MACHINE, processes=(replace(processes[0], threads=threads), *processes[1:]))
    crash = crash_with(0x7E, STATUS | 0xC0000005, IN_NT, 0, 0, machine=machine)
    assert "was started by flaky.sys" in statements(crash)
    assert accused(crash) == ["flaky"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["111417-173000-01", "111417-76578-01"])
def test_the_stuck_threads_of_the_corpus_are_in_atikmdag(corpus: Path, name: str) -> None:
    # corpus/expected/truth.jsonl: atikmdag.sys, high.
    path = corpus / f"kernel/CriticalRocket__DriverProblems__{name}.dmp"
    crash = Crash(Machine(read_dump(map_file(str(path)))))
    assert accused(crash) == ["atikmdag"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["13a", "1a", "3b_0", "50_0", "50_1", "7a", "be_0", "be_1"])
def test_no_victim_of_bad_memory_in_the_corpus_is_accused(corpus: Path, name: str) -> None:
    # corpus/expected/truth.jsonl: hardware, for each of them.
    path = corpus / f"kernel/r-Techsupport__training_bsods__{name}.dmp"
    assert accused(Crash(Machine(read_dump(map_file(str(path)))))) == []


def test_the_entry_of_the_corpus_is_where_it_says() -> None:
    # corpus 1a.dmp, parameter 2
    assert ENTRY == 0xFFFF_DD01_0BC5_D3F8


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("50_0", "the page table entry of 0xffffb7ae7a629000 (rbx (header)) would lie"),
        ("1a", "the damaged entry maps 0x2178ba7f000, a user-mode address of msedge.exe"),
        ("7a", "it maps the addresses from 0x7ff501200000 on of ms-teamsupdate"),
        ("be_1", "the damaged entry maps 0x2070a609000, a user-mode address of MsMpEng.exe"),
    ],
)
def test_entries_of_the_corpus_lead_to_what_they_map(corpus: Path, name: str, says: str) -> None:
    path = corpus / f"kernel/r-Techsupport__training_bsods__{name}.dmp"
    assert says in statements(Crash(Machine(read_dump(map_file(str(path))))))


def test_a_page_table_that_could_not_be_read_is_told() -> None:
    # as corpus 7a.dmp: both ends of the page tables in registers
    base = 0xFFFF_F980_0000_0000
    described = replace(MACHINE, bugcheck=described_check(0x7A, 1, STATUS | 0xC0000005, 0, base + 0x3F_FA80_9000))
    bare = replace(described, exception=None, broken_driver="")
    for registers, told in (({"rsi": base, "r14": base + 0x7F_FFFF_FFFF}, True), ({"rsi": base}, False)):
        said = statements(crash_of(with_registers(bare, **registers)))
        assert ("it maps the addresses from 0x7ff501200000 on" in said) is told
