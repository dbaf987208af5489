"""The boot configuration (BCD) → boot entries and the switches that matter to a crash.

Source: Microsoft, "BCD WMI provider enumerations" (element numbers): `knowledge/bcd_elements.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key
from bugcheck.knowledge.tables import find_row

_DESCRIPTION = "12000004"


def is_boot(root: Key) -> bool:
    """Tell boot configuration data by its objects."""
    return root.child("Objects") is not None and root.child("Description") is not None


def boot(root: Key) -> Iterator[Fact]:
    """Yield the switches set on boot entries."""
    for entry in root.under("Objects"):
        title = entry.at(f"Elements\\{_DESCRIPTION}")
        name = title.text("Element") if title else ""
        for element in entry.under("Elements"):
            row = find_row("bcd_elements.tsv", element.name.lower())
            if row and element.text("Element"):
                label = f"boot {row[1]}" + (f" ({name})" if name else "")
                yield Fact("setting", label, element.text("Element"), f"key {element.path}")
