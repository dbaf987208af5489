"""A .rar → named as what it is; its members are not unpacked here.

Source: RARLAB's technote: the signature `Rar!` 1A 07, then 00 for RAR 4 and 01 00 for RAR 5.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.archives.packed import Member, Unpacking, container
from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError


@container("rar", probe=lambda head: head.startswith(b"Rar!\x1a\x07"), what="RAR archive (named only)")
def rar_members(view: BinaryView, _: Unpacking) -> Iterator[Member]:
    """Say that it has to be unpacked first. Raises DumpError always."""
    raise DumpError(view.name, "a RAR archive, which is not unpacked here: unpack it first, or pack it as .zip")
