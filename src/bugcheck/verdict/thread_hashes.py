"""Frames → the three SHA-1 hashes of a stack that `!analyze` prints (THREAD_SHA1_HASH_…).

Source: ../shared/facts/windbg.md §3.3, solved by computation on 9 published values over 3 stacks: no separators,
modules in lower case, functions as they are, offsets in hexadecimal without 0x.

Folklore: a level outside all modules is skipped; a level without a symbol counts as its module, with an offset of 0
whatever its real offset is; the first byte of a function prints +0 here, though nowhere else.  Inlined levels were in
none of the published stacks: they are left out here, because they come and go with the symbols at hand [I].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame


@dataclass(frozen=True, slots=True)
class ThreadHashes:
    """THREAD_SHA1_HASH_MOD, …_MOD_FUNC and …_MOD_FUNC_OFFSET: 40 hexadecimal digits each."""

    module: str
    function: str
    offset: str


def thread_hashes(frames: Iterable[Frame]) -> ThreadHashes | None:
    """Hash a stack, innermost level first; None when no level lies in a module."""
    modules: list[str] = []
    functions: list[str] = []
    offsets: list[str] = []
    for frame in frames:
        if frame.module is None or frame.inline:
            continue
        module = frame.module.name.lower()
        place = f"{module}!{frame.symbol}" if frame.symbol else module
        modules.append(module)
        functions.append(place)
        offsets.append(f"{place}+{frame.offset if frame.symbol else 0:x}")
    return ThreadHashes(_sha1(modules), _sha1(functions), _sha1(offsets)) if modules else None


def _sha1(parts: list[str]) -> str:
    data = "".join(parts).encode("utf-8", "backslashreplace")
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
