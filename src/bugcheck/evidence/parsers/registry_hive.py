"""A registry hive, with its transaction logs → facts of the host.

Source: the `regf` signature; replay and reading are `evidence/hives/logs.py` and `hive.py`, meaning is `meaning.py`.

Folklore: hives are copied under any name; which one it is, its keys tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.hives.hive import Hive
from bugcheck.evidence.hives.logs import base_block, replay
from bugcheck.evidence.hives.meaning import hive_kind, records_of
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_LOGS = (".LOG", ".LOG1", ".LOG2")


def probe(source: Source) -> int:
    """Tell by the signature; a log has the same one and another type."""
    block = base_block(source.view) if source.head[:4] == b"regf" else None
    return SURE if block and block.kind not in (1, 2, 6) else NO


@evidence_parser("registry_hive", probe=probe, names=("system", "software", "sam", "ntuser.dat", "*.hve", "*.hiv"))
def registry_hive(source: Source) -> Iterator[Record]:
    """A registry hive (SYSTEM, SOFTWARE, SAM, user, BCD, Amcache), its transaction logs replayed."""
    logs = [beside.view for suffix in _LOGS if (beside := source.neighbours(source.base_name + suffix)) and beside.size]
    outcome = replay(source.view, logs)
    view = BinaryView(outcome.data, source.path) if outcome.data else source.view
    hive = Hive(view)
    root = hive.root()
    for note in outcome.notes:
        yield Gap(f"the newest state of {source.path}", note, "copy the hive together with its .LOG1 and .LOG2")
    if root is None:
        yield Gap(f"what {source.path} holds", "a root key", damage=True)
        return
    kind = hive_kind(root)
    yield from records_of(root)
    if not kind:
        names = ", ".join(key.name for key in list(root.children())[:6]) or "none"
        yield Gap(f"what {source.path} means", f"a reader for a hive with the keys {names}")
    if hive.lost:
        yield Gap(f"{hive.lost} keys or values of {source.path}", "sound cells: the hive is damaged", damage=True)
