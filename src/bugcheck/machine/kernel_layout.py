"""What is known of this kernel's private structures → one look-up of member offsets.

Order of trust: the dump's own KDDEBUGGER_DATA64 first, then the shipped table per build (knowledge/kernel_objects.tsv),
chosen by the sizes the debugger data states.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from bugcheck.dump.dump import Architecture, Dump
from bugcheck.knowledge.kernel_objects import ObjectOffsets, object_offsets
from bugcheck.machine.debugger_data import OFFSETS, DebuggerData

_TABLE_NAMES = {Architecture.X86_PAE: "x86", Architecture.ARM32: "arm"}


@dataclass
class KernelLayout:
    """Member offsets of one kernel build.

    Attributes:
        dump: the dump the kernel is in.
        debugger_data: its KDBG, if it has one.
        revision: update revision (UBR), if known.
        service_pack: service pack number, if known.
    """

    dump: Dump
    debugger_data: DebuggerData | None
    revision: int | None = None
    service_pack: int | None = None
    _misses: set[str] = field(default_factory=set[str])

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
        return self.table.get(member) if self.table else None
