"""Type tables made from Microsoft's public PDBs → src/bugcheck/knowledge/kernel_objects.tsv.

Usage: python scripts/make_kernel_objects.py ISF_FOLDER VTYPES_FOLDER

ISF_FOLDER     Volatility 3 symbol tables (*.json.xz) with PICKED.tsv naming their versions (JPCERT/CC, BSD-3-Clause)
VTYPES_FOLDER  volatility/plugins/overlays/windows of volatilityfoundation/volatility (only offsets, which are facts of
               the PDBs, are read from it; no code of it is run: files are parsed as literals)

What neither has comes from kernel_objects_by_hand.tsv beside this script.  When two tables describe one
build and agree, one line names both.
"""

from __future__ import annotations

import ast
import json
import lzma
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "bugcheck" / "knowledge" / "kernel_objects.tsv"

# Structure as we name it → root type, members; "ours=path" where the kernel's own name differs between builds.
WANTED = {
    "EPROCESS": (
        "_EPROCESS",
        "DirectoryTableBase=Pcb.DirectoryTableBase UniqueProcessId ActiveProcessLinks ImageFileName Peb "
        "InheritedFromUniqueProcessId CreateTime ExitTime ExitStatus ThreadListHead ActiveThreads ObjectTable Token "
        "Session Job Wow64Process Wow64Process=WoW64Process Win32Process SectionBaseAddress SeAuditProcessCreationInfo "
        "Flags KernelTime=Pcb.KernelTime UserTime=Pcb.UserTime VadRoot Cookie MmProcessLinks CommitCharge",
    ),
    "KTHREAD": (
        "_KTHREAD",
        "Process ApcState.Process StackBase StackLimit InitialStack KernelStack TrapFrame Teb PreviousMode WaitIrql "
        "State WaitReason WaitMode Priority BasePriority WaitTime ContextSwitches KernelTime UserTime Running "
        "Win32Thread ThreadListEntry",
    ),
    "ETHREAD": (
        "_ETHREAD",
        "Cid.UniqueProcess Cid.UniqueThread CreateTime ExitTime ExitStatus StartAddress Win32StartAddress "
        "ThreadListEntry IrpList ThreadName CrossThreadFlags ThreadsProcess",
    ),
    "KPRCB": (
        "_KPRCB",
        "CurrentThread NextThread IdleThread Number LegacyNumber MHz CpuType CpuID CpuStep CpuStepping CpuModel "
        "CpuVendor VendorString ProcessorState ContextFrame=ProcessorState.ContextFrame "
        "SpecialRegisters=ProcessorState.SpecialRegisters Context DebuggerSavedIRQL FeatureBits DpcData "
        "DpcRoutineActive DpcStack DpcInterruptRequested NormalDpcState InterruptCount InterruptTime DpcTime "
        "KernelTime UserTime UpdateSignature MinorVersion MajorVersion BuildType InitialApicId "
        "CoresPerPhysicalProcessor LogicalProcessorsPerCore Group GroupIndex ParentNode "
        "NestingLevel IdleHalt InterruptRequest DpcTimeLimit "
        "DpcWatchdogPeriod DpcWatchdogCount PacketBarrier DpcTimeCount",
    ),
    "KDPC_DATA": ("_KDPC_DATA", "DpcQueueDepth DpcCount ActiveDpc DpcListHead DpcList"),
    "MMPFN": (
        "_MMPFN",
        "PteAddress ReferenceCount=u3.ReferenceCount ReferenceCount=u3.e2.ReferenceCount ShareCount=u2.ShareCount "
        "e1=u3.e1",
    ),
    "KPCR": ("_KPCR", "Irql KdVersionBlock MajorVersion MinorVersion StallScaleFactor"),
    "LDR_DATA_TABLE_ENTRY": (
        "_LDR_DATA_TABLE_ENTRY",
        "InLoadOrderLinks DllBase EntryPoint SizeOfImage FullDllName BaseDllName Flags LoadCount CheckSum "
        "TimeDateStamp",
    ),
    "KLDR_DATA_TABLE_ENTRY": (
        "_KLDR_DATA_TABLE_ENTRY",
        "InLoadOrderLinks DllBase EntryPoint SizeOfImage FullDllName BaseDllName Flags LoadCount CheckSum "
        "TimeDateStamp ExceptionTable ExceptionTableSize",
    ),
}
PCR = {
    "x64": "Self CurrentPrcb PrcbData=Prcb IdtBase GdtBase TssBase",
    "x86": "Self=SelfPcr CurrentPrcb=Prcb PrcbData IdtBase=IDT GdtBase=GDT TssBase=TSS",
}
# Table → architecture, first build, last build, service pack, revision (the oldest it is known to fit), note.
TABLES = {
    "xp_sp2_x86_vtypes": ("x86", 2600, 2600, "2", "", "XP SP2"),
    "xp_sp3_x86_vtypes": ("x86", 2600, 2600, "3", "", "XP SP3"),
    "win2003_sp0_x86_vtypes": ("x86", 3790, 3790, "0", "", "Server 2003"),
    "win2003_sp1_x86_vtypes": ("x86", 3790, 3790, "1", "1830", "Server 2003 SP1"),
    "win2003_sp2_x86_vtypes": ("x86", 3790, 3790, "2", "3959", "Server 2003 SP2"),
    "vista_sp0_x86_vtypes": ("x86", 6000, 6000, "0", "", ""),
    "vista_sp1_x86_vtypes": ("x86", 6001, 6001, "1", "", ""),
    "vista_sp2_x86_vtypes": ("x86", 6002, 6003, "2", "", ""),
    "win7_sp0_x86_vtypes": ("x86", 7600, 7600, "0", "", ""),
    "win7_sp1_x86_vtypes": ("x86", 7601, 7601, "1", "17514", ""),
    "win7_sp1_x86_BBA98F40_vtypes": ("x86", 7601, 7601, "1", "", "an update between 17514 and 24000"),
    "win7_sp1_x86_24000_vtypes": ("x86", 7601, 7601, "1", "24000", ""),
    "win8_sp0_x86_vtypes": ("x86", 9200, 9200, "", "", ""),
    "win8_sp1_x86_vtypes": ("x86", 9600, 9600, "", "16384", ""),
    "win81_u1_x86_vtypes": ("x86", 9600, 9600, "", "17031", "Update 1"),
    "win10_x86_vtypes": ("x86", 10240, 10240, "", "", "early 10240 or preview"),
    "win10_x86_10240_17770_vtypes": ("x86", 10240, 10240, "", "17770", ""),
    "win10_x86_44B89EEA_vtypes": ("x86", 10586, 10586, "", "", ""),
    "win10_x86_9619274A_vtypes": ("x86", 14393, 14393, "", "", ""),
    "win10_x86_15063_vtypes": ("x86", 15063, 15063, "", "", ""),
    "win10_x86_16299_vtypes": ("x86", 16299, 16299, "", "", ""),
    "win10_x86_17134_vtypes": ("x86", 17134, 17134, "", "", ""),
    "win10_x86_17763_vtypes": ("x86", 17763, 17763, "", "", ""),
    "win10_x86_18362_vtypes": ("x86", 18362, 18363, "", "", ""),
    "win10_x86_19041_vtypes": ("x86", 19041, 19045, "", "", ""),
    "win2003_sp1_x64_vtypes": ("x64", 3790, 3790, "1", "1830", "Server 2003 SP1 and XP x64"),
    "win2003_sp2_x64_vtypes": ("x64", 3790, 3790, "2", "3959", "Server 2003 SP2 and XP x64 SP2"),
    "vista_sp0_x64_vtypes": ("x64", 6000, 6000, "0", "", ""),
    "vista_sp1_x64_vtypes": ("x64", 6001, 6001, "1", "", ""),
    "vista_sp2_x64_vtypes": ("x64", 6002, 6003, "2", "", ""),
    "win7_sp0_x64_vtypes": ("x64", 7600, 7600, "0", "", ""),
    "win7_sp1_x64_vtypes": ("x64", 7601, 7601, "1", "17514", ""),
    "win7_sp1_x64_632B36E0_vtypes": ("x64", 7601, 7601, "1", "", "an update between 17514 and 24000"),
    "win7_sp1_x64_24000_vtypes": ("x64", 7601, 7601, "1", "24000", ""),
    "isf 6.1.7601.24540": ("x64", 7601, 7601, "1", "24540", ""),
    "win8_sp0_x64_vtypes": ("x64", 9200, 9200, "", "", ""),
    "win8_sp1_x64_vtypes": ("x64", 9600, 9600, "", "16384", ""),
    "win81_u1_x64_vtypes": ("x64", 9600, 9600, "", "17031", "Update 1"),
    "win8_sp1_x64_54B5A1C6_vtypes": ("x64", 9600, 9600, "", "18821", "sizes equal in dumps of 9600.18821"),
    "isf 6.3.9600.19913": ("x64", 9600, 9600, "", "19913", ""),
    "win10_x64_vtypes": ("x64", 10240, 10240, "", "", "early 10240 or preview"),
    "win10_x64_10240_17770_vtypes": ("x64", 10240, 10240, "", "17770", ""),
    "win10_x64_1AC738FB_vtypes": ("x64", 10586, 10586, "", "", ""),
    "win10_x64_DD08DD42_vtypes": ("x64", 14393, 14393, "", "", ""),
    "isf 10.0.14393.6343": ("x64", 14393, 14393, "", "6343", ""),
    "win10_x64_15063_vtypes": ("x64", 15063, 15063, "", "", ""),
    "win10_x64_16299_vtypes": ("x64", 16299, 16299, "", "", ""),
    "win10_x64_17134_vtypes": ("x64", 17134, 17134, "", "", ""),
    "win10_x64_17763_vtypes": ("x64", 17763, 17763, "", "", ""),
    "isf 10.0.17763.437": ("x64", 17763, 17763, "", "437", ""),
    "win10_x64_18362_vtypes": ("x64", 18362, 18363, "", "", ""),
    "isf 10.0.18362.836": ("x64", 18362, 18363, "", "836", ""),
    "win10_x64_19041_vtypes": ("x64", 19041, 19045, "", "", ""),
    "isf 10.0.19041.804": ("x64", 19041, 19045, "", "804", ""),
    "isf 10.0.19041.2251": ("x64", 19041, 19045, "", "2251", ""),
    "isf 10.0.19041.2965": ("x64", 19041, 19045, "", "2965", ""),
    "isf 10.0.19041.3448": ("x64", 19041, 19045, "", "3448", ""),
    "isf 10.0.20348.2529": ("x64", 20348, 20348, "", "2529", ""),
    "isf 10.0.22000.434": ("x64", 22000, 22000, "", "434", ""),
}
DUMP_VERIFIED = {("x64", 9600, "18821"), ("x64", 19041, ""), ("x64", 19041, "2251")}

Members = dict[str, tuple[int, str]]
Types = dict[str, tuple[int, Members]]
Row = tuple[str, int, int, str, str, str, str, str]


class _WithoutCalls(ast.NodeTransformer):
    """Replaces calls (enumerations written as dict(...)) by None, so that the rest is a literal."""

    def visit_Call(self, node: ast.Call) -> ast.Constant:
        """Return None in place of the call."""
        return ast.copy_location(ast.Constant(None), node)


def types_of_vtypes(path: Path) -> Types:
    """Return type → size and members of a Volatility 2 overlay file."""
    found: Types = {}
    for node in _WithoutCalls().visit(ast.parse(path.read_text(encoding="utf-8"))).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)):
            continue
        for name, value in ast.literal_eval(node.value).items():
            if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict) and value[0] is not None:
                found[name] = (value[0], {key: (at, str(kind[0])) for key, (at, kind) in value[1].items()})
    return found


def types_of_isf(path: Path) -> Types:
    """Return type → size and members of a Volatility 3 symbol table."""
    with lzma.open(path) as file:
        table: Any = json.load(file)
    return {
        name: (value["size"], {k: (f["offset"], f["type"].get("name", "")) for k, f in value["fields"].items()})
        for name, value in table["user_types"].items()
    }


def find_member(types: Types, owner: str, name: str, depth: int = 0) -> tuple[int, str] | None:
    """Return offset and type name of a member, looking into unnamed structures and unions."""
    if owner not in types or depth > 4:
        return None
    members = types[owner][1]
    if name in members:
        return members[name]
    for inner, (at, kind) in members.items():
        unnamed = inner.startswith(("unnamed_", "__unnamed")) or (inner[0] == "u" and inner[1:].isdigit())
        if unnamed and kind.startswith("__unnamed"):
            below = find_member(types, kind, name, depth + 1)
            if below:
                return at + below[0], below[1]
    return None


def offset_of(types: Types, root: str, path: str) -> int | None:
    """Return the byte offset of a dotted path in a type, or None when a part is missing."""
    total, owner = 0, root
    for part in path.split("."):
        found = find_member(types, owner, part)
        if found is None:
            return None
        total, owner = total + found[0], found[1]
    return total


def layout(types: Types, architecture: str) -> str:
    """Return "STRUCT: member=hex …; STRUCT: …" of everything wanted that exists."""
    groups: list[str] = []
    for ours, (root, spec) in WANTED.items():
        values: dict[str, int] = {}
        for item in (spec + " " + PCR[architecture] if ours == "KPCR" else spec).split():
            name, _, path = item.partition("=")
            at = offset_of(types, root, path or name)
            if at is not None:
                values[name] = at
        if values:
            if "LDR" not in ours:
                values["sizeof"] = types[root][0]
            ordered = sorted(values.items(), key=lambda pair: (pair[0] == "sizeof", pair[1]))
            groups.append(f"{ours}: " + " ".join(f"{name}={at:x}" for name, at in ordered))
    return "; ".join(groups)


def rows_of_tables(isf: Path, vtypes: Path) -> list[Row]:
    """Return the lines computed from tables; equal layouts of one build become one line."""
    picked = (line.split("\t") for line in (isf / "PICKED.tsv").read_text().splitlines()[1:])
    files = {f"isf {columns[0]}": isf / f"ntkrnlmp.pdb-{columns[1]}.json.xz" for columns in picked}
    rows: list[Row] = []
    for table, (architecture, first, last, pack, revision, note) in TABLES.items():
        types = types_of_isf(files[table]) if table in files else types_of_vtypes(vtypes / f"{table}.py")
        kind, offsets = ("isf" if table in files else "vtypes"), layout(types, architecture)
        source = table + (f" ({note})" if note else "")
        if rows and rows[-1][:3] == (architecture, first, last) and rows[-1][7] == offsets:
            before = rows.pop()
            kinds = before[5] if kind in before[5].split() else f"{before[5]} {kind}"
            source = f"{before[6]}, {source}"
            rows.append((architecture, first, last, before[3], before[4], kinds, source, offsets))
            continue
        if (architecture, first, revision) in DUMP_VERIFIED:
            kind += " dump kdbg"
        rows.append((architecture, first, last, pack, revision, kind, source, offsets))
    return rows


def rows_by_hand() -> list[Row]:
    """Return the lines of kernel_objects_by_hand.tsv."""
    lines = (HERE / "kernel_objects_by_hand.tsv").read_text(encoding="utf-8").splitlines()
    split = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(c[0], int(c[1]), int(c[2]), c[3], c[4], c[5], c[6], c[7]) for c in split]


def main() -> None:
    """Write the data file."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    rows = rows_of_tables(Path(sys.argv[1]), Path(sys.argv[2])) + rows_by_hand()
    rows.sort(key=lambda row: (row[0], row[1]))  # stable: variants of one build stay in the order of their age
    TARGET.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8", newline="\n")
    print(f"{len(rows)} layouts")


if __name__ == "__main__":
    main()
