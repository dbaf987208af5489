"""A .7z → named as what it is; its members are not unpacked here.

Source: 7zFormat.txt of the LZMA SDK: the signature `7z` BC AF 27 1C.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.archives.packed import Member, Unpacking, container
from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError


@container("seven_zip", probe=lambda head: head.startswith(b"7z\xbc\xaf\x27\x1c"), what="7-Zip archive (named only)")
def seven_zip_members(view: BinaryView, _: Unpacking) -> Iterator[Member]:
    """Say that it has to be unpacked first. Raises DumpError always."""
    raise DumpError(view.name, "a 7-Zip archive, which is not unpacked here: unpack it first, or pack it as .zip")
