"""A PE file or a catalog → its digest, its signatures, and a verdict in words.

Source: "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008): the digest leaves out CheckSum,
the entry of the security directory and the certificate table; PKCS#9 counter-signatures and RFC 3161 tokens stamp the
signature's bytes; a second signature lies nested in the first.

Folklore:
    A signature without a time stamp ends with its certificate; with one it lasts.
    The bytes inside the certificate table behind the signature are covered by nothing: some installers put data there.
    Windows' own files of before 2012 carry no signature: a catalog signs them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bugcheck.archives.files import HASH_PIECE, release
from bugcheck.binary import BinaryView
from bugcheck.ciphers import hash_of, is_signed_by
from bugcheck.errors import CorruptDump
from bugcheck.images.certificates import Chain, chain_of, trusted_roots
from bugcheck.images.der import extent
from bugcheck.images.pe_header import DIRECTORY_SECURITY, FileImage
from bugcheck.images.signed_data import (
    CODE_SIGNING,
    TIME_STAMPING,
    Certificate,
    SignedData,
    Signer,
    read_indirect_data,
    read_signed_data,
    read_token_time,
)
from bugcheck.records import dataclass, field

VALID, BROKEN, UNSIGNED, UNTRUSTED, TEST_SIGNED, EXPIRED = (
    "valid", "broken", "unsigned", "untrusted", "test-signed", "expired",
)  # fmt: skip
WEAK = ("md2", "md4", "md5", "sha1")
TABLE_LIMIT = 16 << 20
ENTRY_LIMIT = 16
"""Entries of the certificate table, and nested signatures, that are looked at."""
PKCS7 = 2
LIFETIME_SIGNING = "1.3.6.1.4.1.311.10.3.13"
_CHECKSUM, _DIRECTORIES = 24 + 64, {False: 24 + 96, True: 24 + 112}
_ORDER = (VALID, TEST_SIGNED, EXPIRED, UNTRUSTED, BROKEN, UNSIGNED)
ANY_USAGE = "2.5.29.37.0"


@dataclass(frozen=True, slots=True)
class Signature:
    """A verdict on one signature.

    Attributes:
        verdict: valid, broken (bytes changed after signing), unsigned, untrusted, test-signed or expired.
        reason: one clause in words, "" when valid and nothing is to be said.
        signer, issuer, root: names. signed_at: by a verified time stamp, None without. claimed_at: as the signer says.
        digest: name of the hash over the file. program: name the signer gave.
        notes: further things to know. others: the verdicts on further signatures.
    """

    verdict: str
    reason: str = ""
    signer: str = ""
    issuer: str = ""
    root: str = ""
    signed_at: datetime | None = None
    claimed_at: datetime | None = None
    digest: str = ""
    program: str = ""
    notes: tuple[str, ...] = ()
    others: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True)
class FileDigests:
    """Hashes of a whole file, and of what Authenticode covers of it; lower-case hexadecimal by hash name."""

    whole: Mapping[str, str]
    signed: Mapping[str, str] = field(default_factory=dict[str, str])


def digests_of(view: BinaryView, image: FileImage | None) -> FileDigests:
    """Hash a file once: whole (MD5, SHA-1, SHA-256) and, for an image, as Authenticode does (SHA-1, SHA-256 …)."""
    whole = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
    signed = {
        name: hashlib.new(name, usedforsecurity=False)
        for name in ("md5", "sha1", "sha256", "sha384", "sha512")
        if image
    }
    holes = _holes(image) if image else []
    for offset in range(0, view.size, HASH_PIECE):
        data = view.read_up_to(offset, HASH_PIECE)
        for digest in whole.values():
            digest.update(data)
        for piece in _around(data, offset, holes):
            for digest in signed.values():
                digest.update(piece)
        release(view, offset, HASH_PIECE)
    if image and image.header.directory(DIRECTORY_SECURITY) is None:
        for digest in signed.values():  # signing fills the file up to 8 bytes first; a catalog's digest expects that
            digest.update(bytes(-view.size % 8))
    return FileDigests(
        {name: digest.hexdigest() for name, digest in whole.items()},
        {name: digest.hexdigest() for name, digest in signed.items()},
    )


def _holes(image: FileImage) -> list[tuple[int, int]]:
    """What Authenticode leaves out: (start, end) in the file, ascending."""
    nt = image.header.nt_offset
    entry = nt + _DIRECTORIES[image.header.is_pe32_plus] + 8 * DIRECTORY_SECURITY
    holes = [(nt + _CHECKSUM, nt + _CHECKSUM + 4)]
    if len(image.header.directories) > DIRECTORY_SECURITY:
        holes.append((entry, entry + 8))
    table = image.header.directory(DIRECTORY_SECURITY)
    if table and entry + 8 <= table.rva < image.view.size:
        holes.append((table.rva, min(image.view.size, table.rva + table.size)))
    return holes


def _around(data: bytes, offset: int, holes: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    at, end = offset, offset + len(data)
    for start, stop in holes:
        if at < start < end:
            yield data[at - offset : start - offset]
        if start < end and stop > at:
            at = max(at, min(stop, end))
    if at < end:
        yield data[at - offset :]


def examine(
    image: FileImage,
    digests: FileDigests,
    *,
    roots: Sequence[Certificate] | None = None,
    at: datetime | None = None,
) -> Signature:
    """Judge the signatures embedded in a PE file; the best one's verdict, the others beside it.

    Args:
        digests: of the same file. roots: who is trusted; None is Microsoft's list.
        at: the day for which a signature without a time stamp must be good; None leaves that open.
    """
    name = image.view.name
    table = image.header.directory(DIRECTORY_SECURITY)
    if table is None:
        return Signature(UNSIGNED, "it has no signature of its own")
    if table.rva + table.size > image.view.size:
        return Signature(BROKEN, "its signature lies beyond the end of the file: it was cut off")
    blobs, notes = _blobs(image.view, table.rva, min(table.size, TABLE_LIMIT))
    if not blobs:
        return Signature(BROKEN, "its certificate table holds no signature", notes=tuple(notes))
    behind = image.view.size - table.rva - table.size
    if behind:
        notes.append(f"{behind} bytes lie behind the signature")
    found = [_examine_blob(blob, name, digests, roots, at) for blob in _with_nested(blobs, name)]
    found.sort(key=lambda each: _ORDER.index(each.verdict))
    best = found[0]
    return Signature(
        best.verdict, best.reason, best.signer, best.issuer, best.root, best.signed_at, best.claimed_at, best.digest,
        best.program, (*best.notes, *notes), tuple(found[1:]),
    )  # fmt: skip


def _blobs(view: BinaryView, start: int, size: int) -> tuple[list[bytes], list[str]]:
    """Take the certificate table apart."""
    blobs, notes, at = list[bytes](), list[str](), start
    for _ in range(ENTRY_LIMIT):
        if at + 8 > start + size:
            break
        length, _, kind = view.unpack("IHH", at)
        if length < 8 or at + length > start + size:
            notes.append("its certificate table is damaged")
            break
        if kind == PKCS7:
            blobs.append(view.read(at + 8, length - 8))
        at += length + (-length % 8)
    return blobs, notes


def _with_nested(blobs: Sequence[bytes], name: str) -> list[bytes]:
    every = list(blobs)
    for blob in every:
        if len(every) >= ENTRY_LIMIT:
            break
        try:
            signers = read_signed_data(blob, name).signers
        except CorruptDump:
            continue
        every.extend(nested for signer in signers for nested in signer.nested)
    return every[:ENTRY_LIMIT]


def _examine_blob(
    blob: bytes, name: str, digests: FileDigests, roots: Sequence[Certificate] | None, at: datetime | None
) -> Signature:
    try:
        signed = read_signed_data(blob, name)
        claim = read_indirect_data(signed, name)
    except CorruptDump as error:
        return Signature(BROKEN, error.reason)
    notes = [f"its digest ({claim.digest}) is weak by today's measure"] if claim.digest in WEAK else []
    notes += _uncovered(blob)
    judged = examine_signed_data(signed, name, roots=roots, at=at)
    actual = digests.signed.get(claim.digest)
    verdict, reason = judged.verdict, judged.reason
    if actual is None:
        verdict, reason = BROKEN, f"its digest algorithm {claim.digest} is not known"
    elif bytes.fromhex(actual) != claim.value:
        verdict, reason = BROKEN, "its bytes changed after it was signed: they have another digest"
    return Signature(
        verdict, reason, judged.signer, judged.issuer, judged.root, judged.signed_at, judged.claimed_at, claim.digest,
        judged.program, (*judged.notes, *notes),
    )  # fmt: skip


def _uncovered(blob: bytes) -> list[str]:
    """Tell of data put behind the PKCS#7 inside its table entry."""
    size = _der_size(blob)
    rest = blob[size:] if size else b""
    return [f"{len(rest)} bytes inside its certificate table are covered by no signature"] if rest.strip(b"\0") else []


def _der_size(blob: bytes) -> int:
    try:
        return extent(blob)[1]
    except ValueError:
        return 0


def examine_signed_data(
    signed: SignedData,
    name: str,
    *,
    roots: Sequence[Certificate] | None = None,
    at: datetime | None = None,
) -> Signature:
    """Judge who signed the content of a PKCS#7 blob, whatever the content is."""
    trusted = trusted_roots() if roots is None else roots
    if not signed.signers:
        return Signature(UNSIGNED, "nobody signed it")
    signer = signed.signers[0]
    certificate = _certificate_of(signer, signed.certificates)
    if certificate is None:
        return Signature(BROKEN, "the signer's certificate is not in it")
    if not _verifies(signer, certificate, signed.content):
        return Signature(BROKEN, "the signature itself does not verify", certificate.subject, certificate.issuer)
    stamped, notes = _stamped(signer, signed, name, trusted)
    when = stamped or at
    chain = chain_of(certificate, signed.certificates, trusted, when)
    verdict, reason = _verdict(chain, certificate)
    if stamped is None:
        notes.append(f"no time stamp: good only until {certificate.not_after:%Y-%m-%d}")
    weak = next((each for each in chain.certificates[:-1] if each.digest in WEAK[:3]), None)
    if weak:
        notes.append(f"the certificate of {weak.subject!r} is signed with {weak.digest}")
    notes.append("revocation was not asked for")
    return Signature(
        verdict, reason, certificate.subject, certificate.issuer, chain.root, stamped, signer.signing_time,
        digest=signer.digest, program=signer.program, notes=tuple(notes),
    )  # fmt: skip


def _verdict(chain: Chain, certificate: Certificate) -> tuple[str, str]:
    usages = certificate.usages
    if usages is not None and CODE_SIGNING not in usages and ANY_USAGE not in usages:
        return UNTRUSTED, "its certificate is not for signing code"
    if chain.trusted:
        return VALID, ""
    if " expired at " in chain.reason or " not yet valid at " in chain.reason:
        return EXPIRED, chain.reason
    if "test" in chain.root.lower():
        return TEST_SIGNED, f"it is signed for tests only ({chain.root})"
    return UNTRUSTED, chain.reason


def _certificate_of(signer: Signer, certificates: Sequence[Certificate]) -> Certificate | None:
    matches = (each for each in certificates if each.serial == signer.serial and each.issuer_key == signer.issuer_key)
    return next(matches, None)


def _verifies(signer: Signer, certificate: Certificate, content: bytes) -> bool:
    if signer.signed is None:
        message = content
    elif signer.message_digest != hash_of(signer.digest, content):
        return False
    else:
        message = signer.signed
    return is_signed_by(certificate.public_key, message, signer.signature, signer.algorithm, signer.digest)


def _stamped(
    signer: Signer, signed: SignedData, name: str, roots: Sequence[Certificate]
) -> tuple[datetime | None, list[str]]:
    """Find when the signature was made by a time stamp that verifies: RFC 3161 first, then PKCS#9."""
    notes: list[str] = []
    for token in signer.tokens:
        time, note = _token_time(token, signer.signature, name, roots)
        if time:
            return time, notes
        notes.append(note)
    for counter in signer.counter_signers:
        certificate = _certificate_of(counter, signed.certificates)
        if certificate is None or not _verifies(counter, certificate, signer.signature):
            notes.append("its time stamp does not verify")
        elif counter.signing_time is None:
            notes.append("its time stamp has no time")
        elif not _is_stamper(certificate, signed.certificates, roots, counter.signing_time):
            notes.append(f"its time stamp is of {certificate.subject!r}, whom Windows does not trust for that")
        else:
            return counter.signing_time, notes
    return None, notes


def _token_time(token: bytes, signature: bytes, name: str, roots: Sequence[Certificate]) -> tuple[datetime | None, str]:
    try:
        stamped = read_signed_data(token, name)
        time, digest, imprint = read_token_time(stamped, name)
    except CorruptDump as error:
        return None, error.reason
    signer = stamped.signers[0] if stamped.signers else None
    certificate = _certificate_of(signer, stamped.certificates) if signer else None
    if signer is None or certificate is None or not _verifies(signer, certificate, stamped.content):
        return None, "its time stamp does not verify"
    if hash_of(digest, signature) != imprint:
        return None, "its time stamp is of another signature"
    if not _is_stamper(certificate, stamped.certificates, roots, time):
        return None, f"its time stamp is of {certificate.subject!r}, whom Windows does not trust for that"
    return time, ""


def _is_stamper(
    certificate: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], time: datetime
) -> bool:
    for_it = certificate.usages is None or TIME_STAMPING in certificate.usages
    return for_it and chain_of(certificate, others, roots, time).trusted
