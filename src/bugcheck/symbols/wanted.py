"""An identity from a dump → the file that is looked for, safe to make a path of.

Source: "Naming Files, Paths, and Namespaces" (Microsoft documentation) for what no file name may hold; "SSQP Key
Conventions" (dotnet/symstore) for the keys.

Folklore: a PDB's name comes from whoever built the image.  It may be a whole path, hold `..`, a device name or 4,000
characters; the name of a real one is short and plain.
"""

from __future__ import annotations

from bugcheck.errors import CorruptDump
from bugcheck.images.identity import ImageId, PdbId, base_name
from bugcheck.records import dataclass

NAME_LIMIT = 160
"""Characters in a file's name: leaves room for suffixes below the 255 of most file systems."""

KEY_LIMIT = 48
_FORBIDDEN = frozenset('<>:"/\\|?*')
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *[f"{word}{digit}" for word in ("com", "lpt") for digit in range(10)]]
)
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to be looked for.

    Attributes:
        name: plain file name ("ntkrnlmp.pdb"). key: the symbol server's key.
        identity: what a found file must prove to be; None when only the key is known (a manifest's line).
    """

    name: str
    key: str
    identity: PdbId | ImageId | None = None

    @property
    def packed_name(self) -> str:
        """Name of the compressed variant: the last character becomes an underscore ("ntkrnlmp.pd_")."""
        return self.name[:-1] + "_"

    def __str__(self) -> str:
        return f"{self.name} {self.key}"


def name_fault(name: str) -> str:
    """Say why `name` cannot be a file name on every system; "" when it can."""
    if not name or len(name) > NAME_LIMIT:
        return f"a name of {len(name)} characters" if name else "an empty name"
    if not name.isprintable() or not _encodable(name):
        return "a name with control or unpaired characters"
    if _FORBIDDEN & set(name):
        return "a name with characters that no file name has"
    if name.strip(". ") != name:
        return "a name that begins or ends with a dot or space"
    return "the name of a device" if name.partition(".")[0].lower() in _DEVICES else ""


def wanted_file(identity: PdbId | ImageId) -> WantedFile:
    """Make what is looked for. Raises CorruptDump when the name in the dump can be no file's name."""
    name = base_name(identity.name)
    if fault := name_fault(name):
        raise CorruptDump(ascii(name[:80]), f"names no symbol file: {fault}")
    if not _is_key(identity.key):
        raise CorruptDump(name, f"has no usable key: {identity.key[:60]!a}")
    return WantedFile(name, identity.key, identity)


def wanted_by_key(name: str, key: str) -> WantedFile | None:
    """Make what is looked for from a name and key; None when they can be neither.

    The identity is worked out from the key where its form tells: 32 digits of GUID and the age for a PDB, 8 digits of
    TimeDateStamp and SizeOfImage for an image.
    """
    if name_fault(name) or not _is_key(key):
        return None
    return WantedFile(name, key, _identity(name, key))


def _identity(name: str, key: str) -> PdbId | ImageId | None:
    if 32 < len(key) <= 40:
        digits = key[:32].upper()
        guid = "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
        return PdbId(name, guid, int(key[32:], 16))
    if 8 < len(key) <= 16:
        if name.lower().endswith(".pdb"):
            return PdbId(name, key[:8].upper(), int(key[8:], 16))
        return ImageId(name, int(key[:8], 16), int(key[8:], 16))
    return None


def _is_key(key: str) -> bool:
    return 0 < len(key) <= KEY_LIMIT and _HEX.issuperset(key)


def _encodable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
