"""An image's header pages in the dump → symbol identity and version of a module.

Source: PE headers, debug directory and version resource, wherever the dump holds their pages; small dumps hold few.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bugcheck.errors import CorruptDump
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.identity import PdbId
from bugcheck.images.pe_header import try_read_pe_header
from bugcheck.images.version_resource import VersionInfo, read_version_info
from bugcheck.machine.modules import Module
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.timestamps import from_unix


@dataclass(frozen=True, slots=True)
class ModuleDetails:
    """What the dump's own pages of an image say.

    Attributes:
        pdb: identity of its symbols, or None.
        version: file version, "" when unknown.
        company, product: of the version resource, "" when unknown.
        stamp_is_time: False when the time stamp is a build hash, None when unknown.
    """

    pdb: PdbId | None
    version: str
    company: str = ""
    product: str = ""
    stamp_is_time: bool | None = None


FIRST_LINKED = datetime(1990, 1, 1, tzinfo=UTC)
"""No driver that Windows NT loads is older."""


def link_time(stamp: int, is_time: bool | None, stopped: datetime | None) -> datetime | None:
    """When an image was linked; None where its stamp is known to be a hash, or could be no time before the crash."""
    linked = from_unix(stamp)
    if linked is None or is_time is False or linked < FIRST_LINKED or (stopped is not None and linked > stopped):
        return None
    return linked


def read_module_details(module: Module, memory: AddressSpace) -> ModuleDetails:
    """Read what the dump tells of one module; cheap where its header page is absent."""
    if memory.try_read(module.base, 2) != b"MZ":
        return ModuleDetails(module.pdb, module.version)
    try:
        header = try_read_pe_header(memory, module.base, module.name)
    except CorruptDump:  # MZ by chance or a damaged page: the list entry is all there is
        header = None
    if header is None:
        return ModuleDetails(module.pdb, module.version)
    debug = read_debug_directory(memory, header)
    version: VersionInfo = read_version_info(memory, header)
    return ModuleDetails(
        pdb=module.pdb or debug.pdb,
        version=module.version or version.file_version,
        company=version.company_name,
        product=version.product_name,
        stamp_is_time=debug.timestamp_is_time,
    )
