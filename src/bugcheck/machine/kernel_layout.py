"""What is known of this kernel's private structures → one look-up of member offsets.

Order of trust: the dump's own KDDEBUGGER_DATA64 first, then the types in the kernel's symbols where there are any, then
the shipped table per build (knowledge/kernel_objects.tsv), chosen by the sizes the debugger data states.

Folklore: EPROCESS and ETHREAD begin with the scheduler's part, KPROCESS Pcb and KTHREAD Tcb; members are named here
without that step (`EPROCESS.DirectoryTableBase`), as the debugger data and the table do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from bugcheck.dump.dump import Architecture, Dump
from bugcheck.knowledge.kernel_objects import ObjectOffsets, object_offsets
from bugcheck.machine.debugger_data import OFFSETS, DebuggerData
from bugcheck.machine.member_path import MissingMember, MissingType, find_layout, locate
from bugcheck.records import dataclass, field
from bugcheck.symbols.types import TypeTable

_INNER = {"EPROCESS": "Pcb", "ETHREAD": "Tcb"}
"""Structure → its first member, whose members count as the structure's own."""
_TABLE_NAMES = {Architecture.X86_PAE: "x86", Architecture.ARM32: "arm"}


def _no_types() -> TypeTable | None:
    return None


@dataclass
class KernelLayout:
    """Member offsets of one kernel build.

    Attributes:
        dump: the dump the kernel is in.
        debugger_data: its KDBG, if it has one.
        revision: update revision (UBR), if known.
        service_pack: service pack number, if known.
        types: gives the types of the kernel's symbols, or None where they have none; it is asked when needed.
    """

    dump: Dump
    debugger_data: DebuggerData | None
    revision: int | None = None
    service_pack: int | None = None
    types: Callable[[], TypeTable | None] = _no_types
    _known: dict[str, int | None] = field(default_factory=dict[str, int | None])

    @cached_property
    def table(self) -> ObjectOffsets | None:
        """The shipped offsets for this build, or for the nearest lower one."""
        if self.dump.kernel is None:
            return None
        architecture = _TABLE_NAMES.get(self.dump.architecture, self.dump.architecture.value)
        data = self.debugger_data
        sizes = {name: data.size(name) or 0 for name in ("EPROCESS", "ETHREAD", "KPRCB")} if data else {}
        return object_offsets(
            architecture,
            self.dump.kernel.build & 0xFFFF,
            service_pack=self.service_pack,
            revision=self.revision,
            sizes={name: size for name, size in sizes.items() if size},
        )

    def offset(self, member: str) -> int | None:
        """Offset in bytes of a member such as `EPROCESS.ImageFileName`; None when nobody tells it."""
        if self.debugger_data is not None and member in OFFSETS:
            told = self.debugger_data.offset(member)
            if told is not None:
                return told
        told = self._by_types(member)
        if told is not None:
            return told
        return self.table.get(member) if self.table else None

    def size(self, structure: str) -> int | None:
        """Size in bytes of a structure such as `MMPFN`, by the types or the table; None when nobody tells it."""
        types = self.types()
        if types is not None:
            try:
                return find_layout(types, structure).size
            except MissingType:
                pass
        return self.table.get(f"{structure}.sizeof") if self.table else None

    def _by_types(self, member: str) -> int | None:
        """Offset of a member by the kernel's types; None where they are not at hand or have none of that name."""
        types = self.types()
        if types is None:
            return None
        if member not in self._known:
            self._known[member] = _locate(types, *member.partition(".")[::2])
        return self._known[member]


def _locate(types: TypeTable, structure: str, path: str) -> int | None:
    for inner in ("", f"{_INNER[structure]}." if structure in _INNER else ""):
        try:
            return locate(types, find_layout(types, structure), inner + path)[0]
        except (MissingType, MissingMember):
            continue
    return None
