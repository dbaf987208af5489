"""Certificates, signatures, time stamps and catalogs made with `cryptography`, DER written by hand.

Independent of `images/signed_data.py` and `images/der.py`: nothing here imports them.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.images.builders import NT_OFFSET

FROM, UNTIL = datetime(2005, 1, 1, tzinfo=UTC), datetime(2009, 1, 1, tzinfo=UTC)
SIGNED_AT = datetime(2008, 3, 14, 10, 0, tzinfo=UTC)
_OIDS = {
    "md5": "1.2.840.113549.2.5", "sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1",
}  # fmt: skip
_HASH = {"md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256}


@dataclass
class Identity:
    """A certificate with its key and the certificates above it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def sign(self, message: bytes, digest: str) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), _HASH[digest]())
        return self.key.sign(message, ec.ECDSA(_HASH[digest]()))


def identity(
    name: str,
    issuer: Identity | None = None,
    *,
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING,
    authority: bool = False,
    span: tuple[datetime, datetime] = (FROM, UNTIL),
    elliptic: bool = False,
) -> Identity:
    """Make a certificate: self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    if usage and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Identity(made, key, (*((issuer.certificate, *issuer.above) if issuer else ()),))


def tlv(tag: int, *values: bytes) -> bytes:
    body = b"".join(values)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def seq(*values: bytes) -> bytes:
    return tlv(0x30, *values)


def oid(dotted: str) -> bytes:
    numbers = [int(part) for part in dotted.split(".")]
    out = b""
    for number in (numbers[0] * 40 + numbers[1], *numbers[2:]):
        piece = [number & 0x7F]
        while number := number >> 7:
            piece.append(number & 0x7F | 0x80)
        out += bytes(reversed(piece))
    return tlv(6, out)


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    return tlv(4, data)


def algorithm(digest: str) -> bytes:
    return seq(oid(_OIDS[digest]), tlv(5))


def attribute(kind: str, value: bytes) -> bytes:
    return seq(oid(kind), tlv(0x31, value))


def time_of(moment: datetime) -> bytes:
    return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def signer_info(
    who: Identity, digest: str, content_type: str, content: bytes, more: bytes = b"", unsigned: bytes = b""
):
    """SignerInfo over `content` (the bytes the message digest covers); returns (SignerInfo, signature)."""
    made = hashlib.new(digest, content).digest()
    attributes = b"".join(
        sorted(
            [
                attribute("1.2.840.113549.1.9.3", oid(content_type)),
                attribute("1.2.840.113549.1.9.4", octets(made)),
                more,
            ]
        )
    )
    signature = who.sign(tlv(0x31, attributes), digest)
    issuer = who.certificate.issuer.public_bytes()
    sid = seq(issuer, integer(who.certificate.serial_number))
    kind = (
        seq(oid("1.2.840.113549.1.1.1"), tlv(5))
        if isinstance(who.key, rsa.RSAPrivateKey)
        else seq(oid({"sha256": "1.2.840.10045.4.3.2"}[digest]))
    )
    parts = [integer(1), sid, algorithm(digest), tlv(0xA0, attributes), kind, octets(signature)]
    if unsigned:
        parts.append(tlv(0xA1, unsigned))
    return seq(*parts), signature


def signed_data(who: Identity, digest: str, content_type: str, whole: bytes, info: bytes, version: int = 1) -> bytes:
    certificates = [each.public_bytes(serialization.Encoding.DER) for each in (who.certificate, *who.above)]
    return certified(certificates, digest, content_type, whole, [info], version)


def certified(certificates, digest, content_type, whole, infos, version: int = 1) -> bytes:
    inner = seq(
        integer(version),
        tlv(0x31, algorithm(digest)),
        seq(oid(content_type), tlv(0xA0, whole)),
        tlv(0xA0, *certificates),
        tlv(0x31, *infos),
    )
    return seq(oid("1.2.840.113549.1.7.2"), tlv(0xA0, inner))


def token(stamper: Identity, signature: bytes, moment: datetime, digest: str = "sha256") -> bytes:
    """An RFC 3161 time-stamp token over a signature."""
    imprint = seq(algorithm(digest), octets(hashlib.new(digest, signature).digest()))
    generalized = tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
    info = seq(integer(1), oid("1.3.6.1.4.1.311.3.2.1"), imprint, integer(7), generalized)
    made, _ = signer_info(stamper, digest, "1.2.840.113549.1.9.16.1.4", info)
    return signed_data(stamper, digest, "1.2.840.113549.1.9.16.1.4", octets(info), made, version=3)


def counter_signature(stamper: Identity, signature: bytes, moment: datetime, digest: str = "sha1") -> bytes:
    """A PKCS#9 counter-signature over a signature."""
    more = attribute("1.2.840.113549.1.9.5", time_of(moment))
    return signer_info(stamper, digest, "1.2.840.113549.1.7.1", signature, more)[0]


def indirect_data(digest: str, value: bytes) -> bytes:
    link = seq(oid("1.3.6.1.4.1.311.2.1.15"), seq(tlv(3, b"\0"), tlv(0xA0, tlv(0xA2, tlv(0x80)))))
    return seq(link, seq(algorithm(digest), octets(value)))


def authenticode_digest(pe: bytes, digest: str) -> bytes:
    """Hash an unsigned PE of whole 8 bytes as the specification says: without CheckSum and the security directory."""
    checksum = NT_OFFSET + 24 + 64
    wide = pe[NT_OFFSET + 24 : NT_OFFSET + 26] == b"\x0b\x02"
    entry = NT_OFFSET + 24 + (112 if wide else 96) + 4 * 8
    assert len(pe) % 8 == 0
    return hashlib.new(digest, pe[:checksum] + pe[checksum + 4 : entry] + pe[entry + 8 :]).digest()


def signature_of(
    pe: bytes, who: Identity, *, digest: str = "sha256", stamper: Identity | None = None, moment: datetime = SIGNED_AT,
    old_stamp: bool = False, nested: bytes = b"", over: bytes | None = None,
) -> bytes:  # fmt: skip
    """The PKCS#7 of an Authenticode signature over `pe`."""
    whole = indirect_data(digest, authenticode_digest(pe, digest))
    content = whole[2:] if whole[1] < 0x80 else whole[2 + (whole[1] & 0x7F) :]
    kind = "1.3.6.1.4.1.311.2.1.4"
    program = tlv(0x80, "Example driver".encode("utf-16-be"))
    more = attribute("1.3.6.1.4.1.311.2.1.12", seq(tlv(0xA0, program)))
    _, signature = signer_info(who, digest, kind, content, more)
    unsigned = attribute("1.3.6.1.4.1.311.2.4.1", nested) if nested else b""
    if stamper and old_stamp:
        unsigned += attribute("1.2.840.113549.1.9.6", counter_signature(stamper, over or signature, moment))
    elif stamper:
        unsigned += attribute("1.3.6.1.4.1.311.3.3.1", token(stamper, over or signature, moment))
    info, again = signer_info(who, digest, kind, content, more, unsigned)
    assert again == signature or not isinstance(who.key, rsa.RSAPrivateKey)
    certificates = [each.public_bytes(serialization.Encoding.DER) for each in (who.certificate, *who.above)]
    if stamper and old_stamp:
        certificates += [
            each.public_bytes(serialization.Encoding.DER) for each in (stamper.certificate, *stamper.above)
        ]
    return certified(certificates, digest, kind, whole, [info])


def attach(pe: bytes, blob: bytes) -> bytes:
    """Put a signature at the end of a PE, as signing tools do."""
    length = 8 + len(blob)
    table = struct.pack("<IHH", length, 0x200, 2) + blob + b"\0" * (-length % 8)
    wide = pe[NT_OFFSET + 24 : NT_OFFSET + 26] == b"\x0b\x02"
    entry = NT_OFFSET + 24 + (112 if wide else 96) + 4 * 8
    made = bytearray(pe + table)
    made[entry : entry + 8] = struct.pack("<II", len(pe), len(table))
    return bytes(made)


def catalog(who: Identity, members: list[tuple[str, str, bytes]], moment: datetime = SIGNED_AT) -> bytes:
    """A security catalog of (file name, hash name, digest)."""
    rows = []
    for name, digest, value in members:
        label = seq(
            tlv(0x1E, "File".encode("utf-16-be")), integer(0x10010001), octets((name + "\0").encode("utf-16-le"))
        )
        attributes = tlv(
            0x31,
            attribute("1.3.6.1.4.1.311.12.2.1", label),
            attribute("1.3.6.1.4.1.311.2.1.4", indirect_data(digest, value)),
        )
        rows.append(seq(octets((value.hex().upper() + "\0").encode("utf-16-le")), attributes))
    whole = seq(
        seq(oid("1.3.6.1.4.1.311.12.1.1")),
        octets(b"\x11" * 16),
        time_of(moment),
        seq(oid("1.3.6.1.4.1.311.12.1.2"), tlv(5)),
        seq(*rows),
        tlv(0xA0, seq(seq(oid("1.3.6.1.4.1.311.12.2.1"), octets(b"")))),
    )
    content = whole[2:] if whole[1] < 0x80 else whole[2 + (whole[1] & 0x7F) :]
    info, _ = signer_info(who, "sha256", "1.3.6.1.4.1.311.10.1", content)
    return signed_data(who, "sha256", "1.3.6.1.4.1.311.10.1", whole, info)
