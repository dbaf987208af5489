"""A user-mode minidump (MDMP) → Dump: modules, threads, exception, memory of one process.

Source: minidumpapiset.h; the reader is `dump/minidump.py`, loaded only for such a file: a kernel dump's cold start does
not pay for it.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, dump_format

MAGIC = b"MDMP"


def probe(view: BinaryView) -> bool:
    """Tell a minidump by its signature; everything after it is judged by the reader."""
    return view.read_up_to(0, len(MAGIC)) == MAGIC


@dump_format("user_minidump", magic=(MAGIC,), probe=probe, what="minidump of a user-mode process (MDMP)")
def read_user_minidump(view: BinaryView) -> Dump:
    """Read a minidump of a Windows process; what is damaged or absent is a Gap.

    Raises:
        NotADump: the process ran on another system, or on a processor bugcheck does not know.
        CorruptDump, TruncatedDump: nothing in the file can be read.
    """
    from bugcheck.dump.minidump import read_minidump

    return read_minidump(view)
