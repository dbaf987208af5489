"""A GUID of secondary dump data → what kind of stream it marks, who writes it, and how we know.

Source of truth: secondary_data.tsv, whose last column names the source of every line.  Where no public source names a
GUID the name is empty, and `holds` says only what the bytes of real dumps leave no doubt about.
"""

from __future__ import annotations

from bugcheck.knowledge.tables import find_row
from bugcheck.records import dataclass

_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class SecondaryDataKind:
    """One kind of stream.

    Attributes:
        name: what bugcheck calls it ("blackbox pnp"), "" when nobody public names the GUID.
        writer: module, or module!symbol, that marks its data so; "" when unknown.
        holds: one line on the content, "" when unknown.
        certainty: "documented", "published", "content", "inferred", or "" for a GUID that is not identified.
        source: where the identification comes from.
    """

    name: str
    writer: str
    holds: str
    certainty: str
    source: str


UNKNOWN = SecondaryDataKind("", "", "", "", "")


def find_secondary_data(guid: str) -> SecondaryDataKind:
    """Return what is known about a GUID written `{XXXXXXXX-…}` in any case; UNKNOWN when it is not in the list."""
    row = find_row("secondary_data.tsv", guid.upper())
    return UNKNOWN if row is None or len(row) != _COLUMNS else SecondaryDataKind(*row[1:])
