"""PKCS#7 bytes → signers, certificates, time stamps and what was signed; nothing is believed here, only read.

Source: RFC 2315 and RFC 5652 (SignedData, SignerInfo), RFC 5280 (certificates), RFC 3161 (time-stamp tokens);
"Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008) for SpcIndirectDataContent, SpcSpOpusInfo
and the nested signature; the OIDs' names from Microsoft's and IANA's registries.

Folklore:
    The message digest covers the content without its tag and length.
    The signed attributes are signed as a SET, but stored under the tag [0].
    Old signatures name the digest algorithm twice, and differently; the signer's own counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from asn1crypto import cms as _cms  # pyright: ignore[reportMissingTypeStubs]
from asn1crypto import core as _core  # pyright: ignore[reportMissingTypeStubs]
from asn1crypto import tsp as _tsp  # pyright: ignore[reportMissingTypeStubs]
from asn1crypto import x509 as _x509  # pyright: ignore[reportMissingTypeStubs]

from bugcheck.errors import CorruptDump
from bugcheck.images.der import OCTETS, SEQUENCE, children, elements, extent, object_id
from bugcheck.records import dataclass

cms: Any = _cms
core: Any = _core
tsp: Any = _tsp
x509: Any = _x509
"""asn1crypto has no types: what comes out of it is made ours at once."""

SPC_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
SPC_OPUS_INFO = "1.3.6.1.4.1.311.2.1.12"
NESTED_SIGNATURE = "1.3.6.1.4.1.311.2.4.1"
RFC3161_TOKEN = "1.3.6.1.4.1.311.3.3.1"
COUNTER_SIGNATURE = "1.2.840.113549.1.9.6"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CATALOG_NAME_VALUE = "1.3.6.1.4.1.311.12.2.1"
CTL = "1.3.6.1.4.1.311.10.1"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
CERTIFICATE_LIMIT = 64
SIGNER_LIMIT = 8
ENTRY_LIMIT = 400_000
"""Members of a catalog that are read; Windows' own largest have some ten thousand."""
PARSE_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What asn1crypto raises on bytes that are no DER, or other than they claim."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it claims to be.

    Attributes:
        subject, issuer: common names (or the whole name). subject_key, issuer_key: names in DER, for matching.
        serial: its number. not_before, not_after: UTC.
        public_key: SubjectPublicKeyInfo in DER. body, signature, algorithm, digest: what its issuer signed, and how.
        usages: OIDs of its extended key usage, None when it has no such extension. authority: basicConstraints CA.
        der: the whole.
    """

    subject: str
    issuer: str
    subject_key: bytes
    issuer_key: bytes
    serial: int
    not_before: datetime
    not_after: datetime
    public_key: bytes
    body: bytes
    signature: bytes
    algorithm: str
    digest: str
    usages: tuple[str, ...] | None
    authority: bool
    der: bytes

    @property
    def is_self_issued(self) -> bool:
        """Tell whether subject and issuer are the same."""
        return self.subject_key == self.issuer_key


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo.

    Attributes:
        issuer_key, serial: which certificate signs. digest: name of its hash. algorithm: of its signature.
        signed: the bytes the signature covers, None when they are the content itself.
        message_digest: of the signed attributes, None without them. signature: its bytes.
        signing_time: as the signer claims it. program: name in SpcSpOpusInfo, "".
        counter_signers: PKCS#9 counter-signatures. tokens: RFC 3161 tokens (DER). nested: further signatures (DER).
    """

    issuer_key: bytes
    serial: int
    digest: str
    algorithm: str
    signed: bytes | None
    message_digest: bytes | None
    signature: bytes
    signing_time: datetime | None
    program: str
    counter_signers: tuple[Signer, ...]
    tokens: tuple[bytes, ...]
    nested: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignedData:
    """What a PKCS#7 blob holds. `content_type`: an OID. `content`: the bytes that digests cover. `whole`: with tag."""

    content_type: str
    content: bytes
    whole: bytes
    certificates: tuple[Certificate, ...]
    signers: tuple[Signer, ...]


@dataclass(frozen=True, slots=True)
class IndirectData:
    """A file's digest as a signature or a catalog states it: hash name and value."""

    digest: str
    value: bytes


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A member of a catalog: its digests, and its file name where the catalog tells it."""

    digest: str
    value: bytes
    name: str


def read_signed_data(der: bytes, name: str) -> SignedData:
    """Read a ContentInfo that holds SignedData. Raises CorruptDump when it is none; `name` stands for the file."""
    try:
        info: Any = cms.ContentInfo.load(der)
        if info["content_type"].dotted != "1.2.840.113549.1.7.2":
            raise CorruptDump(name, "its signature is no PKCS#7 SignedData")
        signed: Any = info["content"]
        inner: Any = signed["encap_content_info"]
        whole, content = _content(inner["content"])
        return SignedData(
            inner["content_type"].dotted,
            content,
            whole,
            tuple(_certificates(signed["certificates"])),
            tuple([_signer(each) for each in list(signed["signer_infos"])[:SIGNER_LIMIT]]),
        )
    except PARSE_ERRORS as error:
        raise CorruptDump(name, f"its signature is no well-formed PKCS#7: {error!s:.120}") from error


def read_indirect_data(signed: SignedData, name: str) -> IndirectData:
    """Read the digest that an Authenticode signature signs. Raises CorruptDump."""
    try:
        return _indirect(signed.whole)
    except PARSE_ERRORS as error:
        raise CorruptDump(name, "its signature holds no digest of a file") from error


def read_token_time(signed: SignedData, name: str) -> tuple[datetime, str, bytes]:
    """Read a time-stamp token's content: time, hash name, digest of what was stamped. Raises CorruptDump."""
    try:
        info: Any = tsp.TSTInfo.load(signed.whole)
        imprint = info["message_imprint"]
        return (
            info["gen_time"].native.astimezone(UTC),
            imprint["hash_algorithm"]["algorithm"].native,
            imprint["hashed_message"].native,
        )
    except PARSE_ERRORS as error:
        raise CorruptDump(name, "its time stamp is not well-formed") from error


def read_catalog(signed: SignedData, name: str) -> Iterator[CatalogEntry]:
    """Yield the members of a catalog (a certificate trust list of file digests). Raises CorruptDump."""
    try:
        fields = children(signed.whole, SEQUENCE)
        lists = [value for tag, value in fields[3:] if tag == SEQUENCE and value[:1] == b"\x30"]
        members = next((value for value in lists if _is_member_list(value)), b"")
        for number, (_, member) in enumerate(elements(members)):
            if number >= ENTRY_LIMIT:
                return
            if entry := _entry(member):
                yield entry
    except PARSE_ERRORS as error:
        raise CorruptDump(name, f"its list of digests is damaged: {error!s:.80}") from error


def _is_member_list(value: bytes) -> bool:
    """Members begin with an octet string; the list's other sequences (usage, algorithm) with an identifier."""
    start, end = extent(value)
    return value[start:end][:1] == bytes([OCTETS])


def _entry(member: bytes) -> CatalogEntry | None:
    parts = list(elements(member))
    digest, file_name = None, ""
    for _, attribute in elements(parts[1][1]) if len(parts) > 1 else ():
        (_, kind), (_, values) = list(elements(attribute))[:2]
        if object_id(kind) == SPC_INDIRECT_DATA:
            digest = _indirect(values)
        elif object_id(kind) == CATALOG_NAME_VALUE:
            file_name = _file_name(values) or file_name
    if digest is None:
        raw = _identifier_bytes(parts[0][1])
        digest = IndirectData(_BY_SIZE[len(raw)], raw) if len(raw) in _BY_SIZE else None
    return CatalogEntry(digest.digest, digest.value, file_name) if digest else None


def _file_name(values: bytes) -> str:
    """Read a CAT_NAMEVALUE: label in UTF-16BE, flags, value in UTF-16LE; "" unless it is the file's name."""
    pair = children(values, SEQUENCE)
    if len(pair) < 3 or pair[0][1].decode("utf-16-be", "replace").lower() != "file":
        return ""
    return pair[2][1].decode("utf-16-le", "replace").rstrip("\0")


def _identifier_bytes(identifier: bytes) -> bytes:
    """The member's tag is its digest, as bytes or as UTF-16 text of hexadecimal digits."""
    if len(identifier) in _BY_SIZE:
        return identifier
    try:
        return bytes.fromhex(identifier.decode("utf-16-le").rstrip("\0"))
    except (ValueError, UnicodeDecodeError):
        return b""


def _indirect(der: bytes) -> IndirectData:
    """Read SpcIndirectDataContent: what kind of data, and its digest."""
    _, info = children(der, SEQUENCE)[1]
    (_, algorithm), (_, value) = list(elements(info))[:2]
    ((_, identifier), *_) = elements(algorithm)
    return IndirectData(_hash_name(object_id(identifier)), value)


def _hash_name(dotted: str) -> str:
    return _HASHES.get(dotted, dotted)


_BY_SIZE = {16: "md5", 20: "sha1", 32: "sha256"}
_HASHES = {
    "1.2.840.113549.2.5": "md5", "1.3.14.3.2.26": "sha1", "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512",
}  # fmt: skip


def _content(content: Any) -> tuple[bytes, bytes]:
    """The content as one DER value without the explicit tag around it, and the bytes of it that digests cover."""
    if isinstance(content, (core.OctetString, core.ParsableOctetString)):
        return bytes(content), bytes(content)  # CMS: the digest covers what the octet string holds
    parsed: Any = getattr(content, "parsed", content)
    if isinstance(parsed, core.Void) or parsed is None:
        return b"", b""
    bare: Any = parsed.untag() if getattr(parsed, "explicit", None) else parsed
    whole = cast("bytes", bare.dump())
    return whole, _contents(whole)


def _contents(whole: bytes) -> bytes:
    start, end = extent(whole)
    return whole[start:end]


def _certificates(choices: Any) -> Iterator[Certificate]:
    for choice in list(choices)[:CERTIFICATE_LIMIT]:
        certificate: Any = choice.chosen
        if isinstance(certificate, x509.Certificate):
            try:
                yield read_certificate(certificate.dump())
            except PARSE_ERRORS:
                continue


def read_certificate(der: bytes) -> Certificate:
    """Read one certificate. Raises one of PARSE_ERRORS when it is none."""
    certificate: Any = x509.Certificate.load(der)
    body: Any = certificate["tbs_certificate"]
    algorithm = certificate["signature_algorithm"]
    extended: Any = certificate.extended_key_usage_value
    constraints: Any = certificate.basic_constraints_value
    return Certificate(
        _name(certificate.subject),
        _name(certificate.issuer),
        certificate.subject.dump(),
        certificate.issuer.dump(),
        certificate.serial_number,
        body["validity"]["not_before"].native.astimezone(UTC),
        body["validity"]["not_after"].native.astimezone(UTC),
        certificate.public_key.dump(),
        body.dump(),
        certificate["signature_value"].native,
        algorithm.signature_algo,
        _digest_of(algorithm),
        None if extended is None else tuple([str(usage.dotted) for usage in extended]),
        bool(constraints and constraints["ca"].native),
        der,
    )


def _digest_of(algorithm: Any) -> str:
    try:
        return str(algorithm.hash_algo)
    except ValueError:
        return ""


def _name(name: Any) -> str:
    """The common name, or what there is: for people."""
    found: Any = name.native
    for key in ("common_name", "organizational_unit_name", "organization_name"):
        value = found.get(key)
        if value:
            return value if isinstance(value, str) else ", ".join(map(str, value))
    return str(name.human_friendly)


def _signer(info: Any) -> Signer:
    sid: Any = info["sid"].chosen
    attributes: Any = info["signed_attrs"]
    signed, values = None, dict[str, Any]()
    if attributes and len(attributes):
        signed = b"\x31" + attributes.dump()[1:]
        values = dict(_attributes(attributes))
    unsigned: Any = info["unsigned_attrs"]
    others = list(_attributes(unsigned or []))
    algorithm: Any = info["signature_algorithm"]
    return Signer(
        sid["issuer"].dump() if isinstance(sid, cms.IssuerAndSerialNumber) else b"",
        sid["serial_number"].native if isinstance(sid, cms.IssuerAndSerialNumber) else 0,
        info["digest_algorithm"]["algorithm"].native,
        _signature_name(algorithm),
        signed,
        values[MESSAGE_DIGEST][0].native if MESSAGE_DIGEST in values else None,
        info["signature"].native,
        _signing_time(values.get(SIGNING_TIME)),
        _program(values.get(SPC_OPUS_INFO)),
        tuple([_counter(each) for kind, items in others if kind == COUNTER_SIGNATURE for each in items][:SIGNER_LIMIT]),
        tuple(_ders(others, RFC3161_TOKEN)),
        tuple(_ders(others, NESTED_SIGNATURE)),
    )


def _attributes(attributes: Any) -> Iterator[tuple[str, Any]]:
    for attribute in attributes:
        yield str(attribute["type"].dotted), attribute["values"]


def _signature_name(algorithm: Any) -> str:
    try:
        return str(algorithm.signature_algo)
    except ValueError:
        return str(algorithm["algorithm"].native)


def _counter(value: Any) -> Signer:
    return _signer(value if isinstance(value, cms.SignerInfo) else cms.SignerInfo.load(value.dump()))


def _ders(others: Sequence[tuple[str, Any]], kind: str) -> list[bytes]:
    ders: list[bytes] = [each.dump() for found, items in others if found == kind for each in items]
    return ders[:SIGNER_LIMIT]


def _signing_time(values: Any) -> datetime | None:
    try:
        time = values[0].native if values else None
    except PARSE_ERRORS:
        return None
    return time.astimezone(UTC) if isinstance(time, datetime) else None


def _program(values: Any) -> str:
    """SpcSpOpusInfo: [0] EXPLICIT SpcString, whose [0] is UTF-16BE and [1] ASCII."""
    try:
        for tag, value in children(values[0].dump()) if values else []:
            if tag == 0xA0:
                ((kind, text), *_) = elements(value)
                return text.decode("utf-16-be" if kind == 0x80 else "ascii", "replace").strip("\0")[:200]
    except PARSE_ERRORS:
        return ""
    return ""
