"""Drivers, firmware tables and verifier settings → in what surroundings the system stopped: facts for the reader.

Source: knowledge/guest_drivers.tsv (drivers that only load in a guest); SMBIOS system manufacturer and product where
the dump's secondary data has them; DUMP_MM_STORAGE for Driver Verifier and special pool (machine/memory_manager.py).

Folklore: hosts of virtual machines load drivers with the same vendors' names (vmci.sys, VBoxDrv.sys, vmbusr.sys), so
only drivers of guest devices count.  verifierext.sys is loaded only while Driver Verifier is on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError
from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.knowledge.tables import find_row
from bugcheck.machine.memory_manager import read_memory_manager
from bugcheck.machine.secondary_data import MAX_DECODED_SIZE, list_secondary_data

_FILE = "guest_drivers.tsv"
VIRTUAL_PRODUCTS = (
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("virtual machine", "Hyper-V"),
    ("kvm", "KVM"),
    ("qemu", "QEMU"),
    ("hvm domu", "Xen"),
    ("parallels", "Parallels"),
    ("bhyve", "bhyve"),
)
"""Words in SMBIOS manufacturer or product → platform; "virtual machine" only with Microsoft as manufacturer."""


@rule
def environment(crash: Crash) -> Iterator[Finding]:
    """A guest of a hypervisor; Driver Verifier or special pool switched on."""
    if not crash.dump.is_kernel:
        return
    yield from _guest(crash)
    yield from _verifier(crash)


def _guest(crash: Crash) -> Iterator[Finding]:
    found = [(module, row) for module in crash.modules if (row := find_row(_FILE, module.image.lower()))]
    platforms = list(dict.fromkeys(row[1] for _, row in found))
    citations = [Citation("module", module.image, row[1]) for module, row in found[:4]]
    firmware = _firmware(crash)
    if firmware is not None:
        platforms = list(dict.fromkeys([firmware[0], *platforms]))
        citations.append(Citation("field", "SMBIOS system", firmware[1]))
    if platforms:
        yield Finding(
            "environment",
            f"the system ran as a guest ({', '.join(platforms)}): its hardware is emulated, "
            "and faulty memory or heat would be the host's",
            0.0,
            tuple(citations),
            refuted_by="a physical machine whose disk was moved there from a guest",
        )


def _firmware(crash: Crash) -> tuple[str, str] | None:
    """Name the platform SMBIOS tells, and its own words; None on hardware or where the dump has no such tables."""
    text = _system(crash)
    low = text.lower()
    for words, platform in VIRTUAL_PRODUCTS:
        if words in low and (words != "virtual machine" or low.startswith("microsoft")):
            return platform, text
    return None


def _system(crash: Crash) -> str:
    """Manufacturer and product of the SMBIOS system record; "" where the dump has none or it cannot be read."""
    from bugcheck.machine.blackbox import smbios

    item = next((each for each in list_secondary_data(crash.dump) if each.name == "smbios" and each.size), None)
    if item is None:
        return ""
    try:
        data = crash.dump.file.read(item.file_offset, min(item.size, MAX_DECODED_SIZE), item.name)
        systems = smbios.decode(BinaryView(data, item.name), crash.memory.pointer_size).fields.get("system")
    except DumpError:
        return ""
    first = cast("list[dict[str, str]]", systems)[0] if systems else {}
    return f"{first.get('manufacturer') or ''} {first.get('product') or ''}".strip()


def _verifier(crash: Crash) -> Iterator[Finding]:
    facts = read_memory_manager(crash.dump)
    level = facts.driver_verifier_level if facts else None
    loaded = crash.modules.named("verifierext.sys")
    if level is not None or loaded is not None:
        cited = Citation("field", "verifier level", f"{level:#x}") if level is not None else None
        yield Finding(
            "environment",
            "Driver Verifier was on: it stops the system at mistakes that would pass unseen, and names the driver",
            0.0,
            (cited or Citation("module", "verifierext.sys", "loaded"),),
            refuted_by="a verifier that was switched on without any driver to watch",
        )
    if facts is not None and facts.special_pool_tag:
        tag = facts.special_pool_tag.to_bytes(4, "little").decode("latin-1")
        shown = tag if tag.isascii() and tag.isprintable() else f"{facts.special_pool_tag:#x}"
        yield Finding(
            "environment",
            f"special pool was on for allocations tagged {shown!r}: writing behind such a block stops at once",
            0.0,
            (Citation("field", "special pool tag", f"{facts.special_pool_tag:#x}"),),
        )
