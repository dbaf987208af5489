"""Bytes and keys → signatures verified, hashes, counter-mode AES: what the `cryptography` package does for us.

Source: RFC 8017 and FIPS 186-5 (signatures), FIPS 197 (AES), NIST SP 800-38A (counter mode).

Folklore: WinZip's AES counts little-endian from 1, which no library's counter mode does; the counters are encrypted as
plain blocks instead.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
}  # fmt: skip
_BLOCK = 16


def is_signed_by(public_key: bytes, message: bytes, signature: bytes, algorithm: str, digest: str) -> bool:
    """Verify one signature with a SubjectPublicKeyInfo; False also for keys and algorithms that are not supported."""
    made = _HASHES.get(digest)
    if made is None:
        return False
    try:
        key = load_der_public_key(public_key)
        if isinstance(key, rsa.RSAPublicKey):
            pad = padding.PSS(padding.MGF1(made()), padding.PSS.AUTO) if "pss" in algorithm else padding.PKCS1v15()
            key.verify(signature, message, pad, made())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(made()))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def hash_of(name: str, data: bytes) -> bytes:
    """Hash bytes under a name of ours; b"" for a name that is none."""
    made = _HASHES.get(name)
    if made is None:
        return b""
    digest = hashes.Hash(made())
    digest.update(data)
    return digest.finalize()


def little_endian_counter(key: bytes) -> Callable[[bytes], bytes]:
    """Make what encrypts or decrypts, piece by piece, under AES with a little-endian counter that starts at 1."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # of counters, not of data
    count = 0
    spare = b""

    def piece(data: bytes) -> bytes:
        nonlocal count, spare
        blocks = max(0, -(-(len(data) - len(spare)) // _BLOCK))
        counters = b"".join(number.to_bytes(_BLOCK, "little") for number in range(count + 1, count + blocks + 1))
        count += blocks
        stream = spare + encrypt.update(counters)
        spare = stream[len(data) :]
        mixed = int.from_bytes(data, "little") ^ int.from_bytes(stream[: len(data)], "little")
        return mixed.to_bytes(len(data), "little")

    return piece
