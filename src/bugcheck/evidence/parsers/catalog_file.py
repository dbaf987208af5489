"""A security catalog (.cat) → digests of the files it signs, and who signed it.

Source: `images/signed_data.py`: a PKCS#7 whose content is a certificate trust list.

Folklore: Windows' own files and drivers of hardware makers carry no signature, a catalog in CatRoot has it.  A file
belongs to a catalog by its digest alone: for programs the Authenticode one (without the checksum), for all others
(.inf, .txt) the plain hash.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.errors import CorruptDump
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import format_utc

SIZE_LIMIT = 64 << 20
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_CTL = bytes.fromhex("06092b060104018237 0a01".replace(" ", ""))


def probe(source: Source) -> int:
    """Tell by the identifiers of SignedData and of a trust list near the beginning."""
    head = source.head[:512]
    return SURE if head[:1] == b"\x30" and _SIGNED_DATA in head[:32] and _CTL in head else NO


@evidence_parser("catalog_file", probe=probe, names=("*.cat",))
def catalog_file(source: Source) -> Iterator[Record]:
    """A security catalog: which files it signs, by digest, and who signed it."""
    from bugcheck.images.authenticode import examine_signed_data
    from bugcheck.images.signed_data import read_catalog, read_signed_data

    if source.size > SIZE_LIMIT:
        yield Gap(f"members of {source.path}", f"a catalog of at most {SIZE_LIMIT >> 20} MiB")
        return
    try:
        signed = read_signed_data(source.view.read(0, source.size), source.path)
        signature = examine_signed_data(signed, source.path)
        fields = {
            "catalog": source.base_name,
            "signer": signature.signer,
            "verdict": signature.verdict,
            "reason": signature.reason,
            "signed_at": format_utc(signature.signed_at) or "",
        }
        known = {name: value for name, value in fields.items() if value}
        for number, entry in enumerate(read_catalog(signed, source.path), 1):
            algorithm = {"algorithm": entry.digest, **known}
            yield Fact("catalog_entry", entry.name, entry.value.hex(), f"member {number}", algorithm)
        told = {"signer": signature.signer, "reason": signature.reason, "signed_at": fields["signed_at"]}
        named = {name: value for name, value in told.items() if value}
        yield Fact("file_signature", source.base_name, signature.verdict, "the whole file", named)
    except CorruptDump as error:
        yield Gap(f"members of {source.path}", error.reason, damage=True)
