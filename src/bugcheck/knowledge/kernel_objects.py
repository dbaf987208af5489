"""Architecture and build → member offsets of EPROCESS, KTHREAD, ETHREAD, KPRCB, KPCR, MMPFN, loader entries.

For dumps whose kernel symbols are not at hand.  Source of truth: kernel_objects.tsv, computed by
scripts/make_kernel_objects.py from tables made of Microsoft's public PDBs; each line says what it was checked against:
isf and vtypes (Volatility's tables), header (public listings of PDB offsets), dump (the objects copied into real triage
dumps read right), kdbg (the dump's KDDEBUGGER_DATA64 states the same numbers), neighbours (equal before and after).

Folklore: one build number has several layouts.  Windows 7, 8.1, 10240 and 14393 grew their structures in later updates
(the 2018 processor fixes), 19041 moved two counters; so a caller that can measure a size should say so: a triage dump's
ThreadOffset − ProcessOffset is the size of its EPROCESS, and KDDEBUGGER_DATA64 has SizeEProcess, SizePrcb, SizeEThread.
KPRCB.Number is one byte where KPRCB.LegacyNumber is missing (before Windows 7) and four bytes after.  KPRCB.FeatureBits
is four bytes on x86, ARM and old x64, eight on x64 since 10.0.  A triage dump's driver list holds entries that follow
LDR_DATA_TABLE_ENTRY on every build: CheckSum at 0x78 and TimeDateStamp at 0x80 on 64-bit, 0x3c and 0x44 (32-bit 0x40).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bugcheck.knowledge.tables import table
from bugcheck.records import dataclass

_FILE = "kernel_objects.tsv"
_COLUMNS = 8


@dataclass(frozen=True, slots=True, eq=False)
class ObjectOffsets(Mapping[str, int]):
    """Member name ("EPROCESS.ImageFileName") → byte offset; "EPROCESS.sizeof" → size in bytes.

    Attributes:
        architecture: "x86", "x64", "arm" or "arm64".
        builds: first and last build number the line is for.
        exact: True when the asked build is within `builds`; False when a nearest lower build stands in.
        verified_by: words from the module docstring, such as ("isf", "dump").
        source: where the numbers come from.
        members: the mapping itself.
    """

    architecture: str
    builds: tuple[int, int]
    exact: bool
    verified_by: tuple[str, ...]
    source: str
    members: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        """Return the offset of `name` ("KTHREAD.ApcState.Process") in bytes; KeyError when the build lacks it."""
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.members)

    def __len__(self) -> int:
        """Return how many members are known."""
        return len(self.members)


def object_offsets(
    architecture: str,
    build: int,
    *,
    service_pack: int | None = None,
    revision: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> ObjectOffsets | None:
    """Return the layout of the kernel's objects for a build, or of the nearest lower build, or None.

    Args:
        architecture: "x86", "x64", "arm" or "arm64".
        build: kernel build number, 2600 to 26200.
        service_pack: service pack number where one build had several layouts (3790).
        revision: update revision (UBR), where known.
        sizes: measured sizes in bytes by structure ("EPROCESS", "ETHREAD", "KPRCB", "KTHREAD"); they decide between
            several layouts of one build, before service pack and revision do.
    """
    lines = _lines(architecture, build)
    if not lines:
        return None
    best = max(range(len(lines)), key=lambda i: (_fit(lines[i], service_pack, revision, sizes or {}), i))
    columns = lines[best].split("\t")
    first, last = int(columns[1]), int(columns[2])
    return ObjectOffsets(
        architecture=architecture,
        builds=(first, last),
        exact=first <= build <= last,
        verified_by=tuple(columns[5].split()),
        source=columns[6],
        members=_members(columns[7]),
    )


def _lines(architecture: str, build: int) -> list[str]:
    """Return the lines of the highest first build that is not above `build`."""
    data, key = table(_FILE), f"\n{architecture}\t".encode()
    found: list[str] = []
    nearest, start = -1, data.find(key)
    while start >= 0:
        end = data.find(b"\n", start + 1)
        first = int(data[start + len(key) : data.index(b"\t", start + len(key))])
        if nearest < first <= build:
            nearest, found = first, []
        if first == nearest:
            found.append(data[start + 1 : end].decode())
        start = data.find(key, end)
    return found


def _fit(line: str, service_pack: int | None, revision: int | None, sizes: Mapping[str, int]) -> tuple[int, int, int]:
    """Return how well a line fits what is known: agreeing sizes, service pack, revision (higher is better)."""
    columns = line.split("\t")
    measured = 0
    for struct, size in sizes.items():
        at = columns[7].find(f"{struct}: ")
        group = columns[7][at:].partition(";")[0] if at >= 0 else ""
        _, found, stated = group.rpartition("sizeof=")
        measured += 0 if not found else 1 if int(stated, 16) == size else -1
    pack = 1 if service_pack is not None and columns[3] == str(service_pack) else 0
    if revision is None or not columns[4]:
        return measured, pack, 0
    return measured, pack, int(columns[4]) + 1 if int(columns[4]) <= revision else -1


def _members(text: str) -> dict[str, int]:
    """Return the mapping written as "STRUCT: member=hex member=hex; STRUCT: …"."""
    members: dict[str, int] = {}
    for group in text.split("; "):
        struct, _, pairs = group.partition(": ")
        for pair in pairs.split(" "):
            name, _, value = pair.partition("=")
            members[f"{struct}.{name}"] = int(value, 16)
    return members
