"""Signatures we make ourselves, whole and spoiled; digests against signify's published results and real files."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.images.authenticode import Signature, digests_of, examine, examine_signed_data
from bugcheck.images.certificates import trusted_roots
from bugcheck.images.pe_header import FileImage
from bugcheck.images.signed_data import Certificate, read_catalog, read_certificate, read_signed_data
from tests.images.builders import HEADERS_SIZE, pe
from tests.images.signing import (
    SIGNED_AT,
    Identity,
    attach,
    authenticode_digest,
    catalog,
    identity,
    signature_of,
)

LATER = datetime(2012, 1, 1, tzinfo=UTC)
LONG = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
PE = pe(b"data of the program")


@cache
def root() -> Identity:
    return identity("Example Root", authority=True, span=LONG)


@cache
def publisher() -> Identity:
    middle = identity("Example Code Signing CA", root(), authority=True, span=LONG)
    return identity("Example Software Ltd", middle)


@cache
def stamper() -> Identity:
    return identity("Example Time Stamp", root(), usage=ExtendedKeyUsageOID.TIME_STAMPING, span=LONG)


def roots() -> tuple[Certificate, ...]:
    return (read_certificate(root().der),)


def judge(data: bytes, at: datetime | None = None, trusted: tuple[Certificate, ...] | None = None) -> Signature:
    view = BinaryView(data, "example.sys")
    image = FileImage(view)
    return examine(image, digests_of(view, image), roots=roots() if trusted is None else trusted, at=at)


def test_a_signature_that_holds() -> None:
    found = judge(attach(PE, signature_of(PE, publisher(), stamper=stamper())))
    assert (found.verdict, found.reason) == ("valid", "")
    assert (found.signer, found.issuer, found.root) == (
        "Example Software Ltd", "Example Code Signing CA", "Example Root",
    )  # fmt: skip
    assert found.signed_at == SIGNED_AT
    assert (found.digest, found.program) == ("sha256", "Example driver")


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_digests_of_both_layouts(wide: bool, digest: str) -> None:
    plain = pe(b"x" * 70, wide=wide)
    found = judge(attach(plain, signature_of(plain, publisher(), digest=digest, stamper=stamper())))
    assert found.verdict == "valid"
    assert any("weak" in note for note in found.notes) == (digest == "sha1")


def test_elliptic_keys() -> None:
    who = identity("Example Curve", root(), elliptic=True)
    assert judge(attach(PE, signature_of(PE, who))).verdict == "valid"


def test_the_checksum_may_change_and_nothing_else() -> None:
    signed = bytearray(attach(PE, signature_of(PE, publisher())))
    signed[0x80 + 24 + 64] ^= 0xFF  # CheckSum
    assert judge(bytes(signed)).verdict == "valid"
    for place in (0x80 + 8, HEADERS_SIZE + 0x10, 0x600):  # time stamp, code, data
        spoiled = bytearray(signed)
        spoiled[place] ^= 1
        found = judge(bytes(spoiled))
        assert found.verdict == "broken", hex(place)
        assert "changed after it was signed" in found.reason
        assert found.signer == "Example Software Ltd"


def test_a_spoiled_signature() -> None:
    blob = bytearray(signature_of(PE, publisher()))
    place = bytes(blob).rindex(b"\x04\x82\x01\x00") + 40  # inside the encrypted digest
    blob[place] ^= 1
    found = judge(attach(PE, bytes(blob)))
    assert (found.verdict, found.reason) == ("broken", "the signature itself does not verify")


def test_bytes_appended_behind_and_inside() -> None:
    signed = attach(PE, signature_of(PE, publisher()))
    behind = judge(signed + b"more")
    assert behind.verdict == "broken"
    assert any("4 bytes lie behind" in note for note in behind.notes)
    inside = judge(attach(PE, signature_of(PE, publisher()) + b"smuggled"))
    assert inside.verdict == "valid"
    assert any("covered by no signature" in note for note in inside.notes)


def test_cut_off_and_unsigned() -> None:
    signed = attach(PE, signature_of(PE, publisher()))
    assert judge(signed[:-200]).verdict == "broken"
    assert "cut off" in judge(signed[:-200]).reason
    assert judge(PE).verdict == "unsigned"
    assert judge(attach(PE, b"\x30\x03\x02\x01\x05")).verdict == "broken"


def test_expired_with_and_without_a_time_stamp() -> None:
    plain = attach(PE, signature_of(PE, publisher()))
    assert judge(plain).verdict == "valid"
    assert any("good only until 2009-01-01" in note for note in judge(plain).notes)
    late = judge(plain, at=LATER)
    assert (late.verdict, "expired at 2012-01-01" in late.reason) == ("expired", True)
    for old in (False, True):
        stamped = attach(PE, signature_of(PE, publisher(), stamper=stamper(), old_stamp=old))
        found = judge(stamped, at=LATER)
        assert (found.verdict, found.signed_at) == ("valid", SIGNED_AT)
    after = attach(PE, signature_of(PE, publisher(), stamper=stamper(), moment=LATER))
    assert judge(after).verdict == "expired"


def test_time_stamps_that_do_not_count() -> None:
    elsewhere = judge(attach(PE, signature_of(PE, publisher(), stamper=stamper(), over=b"another signature")), at=LATER)
    assert elsewhere.verdict == "expired"
    assert "its time stamp is of another signature" in elsewhere.notes
    nobody = identity("Nobody", usage=ExtendedKeyUsageOID.TIME_STAMPING, span=LONG)
    foreign = judge(attach(PE, signature_of(PE, publisher(), stamper=nobody)), at=LATER)
    assert foreign.verdict == "expired"
    assert any("whom Windows does not trust" in note for note in foreign.notes)
    unfit = judge(attach(PE, signature_of(PE, publisher(), stamper=publisher())), at=LATER)  # not for time stamping
    assert unfit.verdict == "expired"
    assert judge(
        attach(PE, signature_of(PE, publisher(), stamper=stamper(), old_stamp=True, over=b"x")), at=LATER
    ).notes


def test_who_is_not_trusted() -> None:
    stranger = identity("Somebody Else")
    found = judge(attach(PE, signature_of(PE, stranger)))
    assert found.verdict == "untrusted"
    assert "Windows does not trust" in found.reason
    for_tests = judge(attach(PE, signature_of(PE, identity("WDKTestCert someone"))))
    assert for_tests.verdict == "test-signed"
    server = identity("Example Web Server", root(), usage=ExtendedKeyUsageOID.SERVER_AUTH)
    assert judge(attach(PE, signature_of(PE, server))).reason == "its certificate is not for signing code"
    by_no_authority = identity("Impostor", publisher())
    assert "is no authority" in judge(attach(PE, signature_of(PE, by_no_authority))).reason
    assert judge(attach(PE, signature_of(PE, publisher())), trusted=()).verdict == "untrusted"


def test_a_second_signature_lies_in_the_first() -> None:
    modern = signature_of(PE, publisher(), stamper=stamper())
    both = judge(attach(PE, signature_of(PE, identity("Old and unknown"), digest="sha1", nested=modern)))
    assert (both.verdict, both.digest) == ("valid", "sha256")
    assert [each.verdict for each in both.others] == ["untrusted"]


def test_a_catalog() -> None:
    value = authenticode_digest(PE, "sha1")
    blob = catalog(publisher(), [("example.sys", "sha1", value), ("example.inf", "sha256", b"\1" * 32)])
    signed = read_signed_data(blob, "example.cat")
    assert examine_signed_data(signed, "example.cat", roots=roots()).verdict == "valid"
    entries = list(read_catalog(signed, "example.cat"))
    assert [(each.name, each.digest, each.value) for each in entries] == [
        ("example.sys", "sha1", value),
        ("example.inf", "sha256", b"\1" * 32),
    ]
    view = BinaryView(PE, "example.sys")
    assert digests_of(view, FileImage(view)).signed["sha1"] == value.hex()
    spoiled = blob.replace(value, bytes(20))
    assert examine_signed_data(read_signed_data(spoiled, "x"), "x", roots=roots()).verdict == "broken"


def test_a_catalog_whose_digest_names_no_algorithm() -> None:
    # found by fuzz/mutants.py: the sequence of the algorithm was empty, which ended a generator inside another
    named = bytes.fromhex("300906052b0e03021a0500")  # SEQUENCE { OID sha1, NULL }
    nameless = bytes.fromhex("3000") + b"\x04\x07" + bytes(7)
    blob = catalog(publisher(), [("example.sys", "sha1", authenticode_digest(PE, "sha1"))]).replace(named, nameless)
    with pytest.raises(CorruptDump, match="list of digests is damaged"):
        list(read_catalog(read_signed_data(blob, "example.cat"), "example.cat"))


def test_what_is_no_signature_raises() -> None:
    for data in (b"", b"\x30\x80", b"\x30\x03\x02\x01\x05", bytes(100), signature_of(PE, publisher())[:300]):
        with pytest.raises(CorruptDump):
            read_signed_data(data, "x")


def test_the_roots_are_those_of_the_trusted_root_program() -> None:
    names = {each.subject for each in trusted_roots()}
    assert {"Microsoft Root Certificate Authority 2010", "Microsoft Root Certificate Authority 2011"} <= names
    assert 50 < len(names) < 600


def test_signify_agrees(corpus: Path) -> None:
    """signify's tests/fingerprint_results.json: hashes of files that lie beside it, where they do."""
    folder = corpus / "evidence" / "signed"
    path = folder / "ralphje__signify__fingerprint_results.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    checked = 0
    for name, expected in json.loads(path.read_text()).items():
        file = folder / f"ralphje__signify__test_data_{name}"
        if not file.is_file() or "authentihash" not in expected:
            continue
        view = map_file(str(file))
        digests = digests_of(view, FileImage(view))
        for kind, value in expected["authentihash"].items():
            assert digests.signed[kind] == value, (name, kind)
        assert digests.whole["sha256"] == expected["generic"]["sha256"]
        checked += 1
    if not checked:
        pytest.skip("none of signify's program files is in this copy of the corpus")


def test_catalogs_of_the_corpus(corpus: Path) -> None:
    """A member of one catalog is the other catalog itself: its digest is the file's own."""
    folder = corpus / "evidence" / "signed"
    other = folder / "ralphje__signify__test_data_oem89.cat"
    if not other.is_file():
        pytest.skip(f"needs {other}")
    signed = read_signed_data((folder / "ralphje__signify__test_data_catfiletest.cat").read_bytes(), "catfiletest.cat")
    (entry,) = read_catalog(signed, "catfiletest.cat")
    assert entry.value.hex() == hashlib.sha1(other.read_bytes()).hexdigest()
    assert examine_signed_data(signed, "catfiletest.cat").verdict == "unsigned"
    hardware = read_signed_data(other.read_bytes(), "oem89.cat")
    found = examine_signed_data(hardware, "oem89.cat")
    assert (found.verdict, found.root) == ("valid", "Microsoft Root Certificate Authority 2010")
    assert found.signed_at is not None
    assert found.signed_at.year == 2022
