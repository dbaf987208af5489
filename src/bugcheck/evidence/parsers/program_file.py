"""A program or driver file (PE) → which build it is, its hashes, and whether its signature holds.

Source: `images/` for headers, version resource, checksum and Authenticode.

Folklore: a driver whose time stamp, size and checksum are those of the dump's module entry is the build that crashed;
that its *bytes* are untouched, only a hash or a signature says.  A checksum that is wrong was patched after linking.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.errors import BugcheckError, DumpError
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import format_utc, from_unix

MACHINES = {0x14C: "x86", 0x8664: "x64", 0xAA64: "ARM64", 0x1C4: "ARM", 0x200: "IA-64"}
DLL = 0x2000
NATIVE = 1
"""IMAGE_SUBSYSTEM_NATIVE: drivers and the kernel."""
NOTES_LIMIT = 6


def probe(source: Source) -> int:
    """Tell by the PE signature where the MZ header says it is."""
    head = source.head
    if head[:2] != b"MZ" or len(head) < 0x40:
        return NO
    offset = int.from_bytes(head[60:64], "little")
    return SURE if source.view.read_up_to(offset, 4) == b"PE\0\0" else NO


@evidence_parser("program_file", probe=probe, names=("*.sys", "*.dll", "*.exe", "*.drv", "*.ocx"))
def program_file(source: Source) -> Iterator[Record]:
    """A program or driver file: identity, version, hashes, checksum, signature."""
    from bugcheck.images.authenticode import digests_of, examine
    from bugcheck.images.checksum import read_checksum
    from bugcheck.images.debug_directory import read_debug_directory
    from bugcheck.images.pe_header import FileImage
    from bugcheck.images.version_resource import read_version_info

    try:
        image = FileImage(source.view)
        header = image.header
        version, checksum = read_version_info(image, header), read_checksum(image)
        debug = read_debug_directory(image, header)
        digests = digests_of(source.view, image)
    except (BugcheckError, OverflowError) as error:
        reason = error.reason if isinstance(error, DumpError) else str(error)
        yield Gap(f"identity of {source.path}", f"whole PE headers: {reason}", damage=True)
        return
    built = from_unix(header.time_date_stamp) if debug.timestamp_is_time else None
    fields = {
        "path": source.path,
        "sha1": digests.whole["sha1"],
        "md5": digests.whole["md5"],
        "authentihash_sha1": digests.signed["sha1"],
        "authentihash_sha256": digests.signed["sha256"],
        "size": str(source.size),
        "version": version.file_version,
        "stamp": f"{header.time_date_stamp:08x}",
        "built": format_utc(built) or "",
        "image_size": f"{header.size_of_image:#x}",
        "checksum": f"{header.checksum:#x}",
        "checksum_ok": {True: "yes", False: "no", None: "none"}[checksum.matches],
        "product": version.product_name,
        "vendor": version.company_name,
        "description": version.file_description,
        "original_name": version.original_filename,
        "machine": MACHINES.get(header.machine, f"{header.machine:#x}"),
        "type": _type(header.subsystem, header.characteristics),
    }
    known = {name: value for name, value in fields.items() if value}
    yield Fact("file", source.base_name, digests.whole["sha256"], "the whole file", known)
    yield from (Gap(f"{gap.what} ({source.path})", gap.missing, gap.remedy) for gap in (*header.gaps, *version.gaps))
    if checksum.matches is False:
        found = f"{checksum.computed:#x} computed, {checksum.stored:#x} in the header"
        yield Gap(f"checksum of {source.path}", f"bytes as they were linked: {found}", damage=True)
    yield _signature_fact(source.base_name, examine(image, digests))


def _type(subsystem: int, characteristics: int) -> str:
    if subsystem == NATIVE:
        return "driver"
    return "library" if characteristics & DLL else "program"


def _signature_fact(name: str, signature: object) -> Fact:
    from bugcheck.images.authenticode import Signature

    assert isinstance(signature, Signature)
    fields = {
        "signer": signature.signer,
        "issuer": signature.issuer,
        "root": signature.root,
        "signed_at": format_utc(signature.signed_at) or "",
        "digest": signature.digest,
        "program": signature.program,
        "reason": signature.reason,
        "notes": "; ".join(signature.notes[:NOTES_LIMIT]),
        "others": "; ".join(f"{each.verdict}: {each.signer}" for each in signature.others[:NOTES_LIMIT]),
    }
    known = {key: value for key, value in fields.items() if value}
    return Fact("file_signature", name, signature.verdict, "the certificate table", known)
