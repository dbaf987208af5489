"""What Windows' components wrote into the dump themselves → what they were busy with when the system stopped.

Source: machine/blackbox (one reader per stream); SRB status values of srb.h; status bits of the PCI specification.

Folklore: a record stays after its event, so what is old or finished is passed over: a software device that went away
(problem 24) is in most dumps, and a TEST UNIT READY without end as well.  Nothing here accuses: a slow request may wait
for a sleeping disk, a PCI error bit may be from start-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import cast

from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.machine.secondary_data import SecondaryData, decode_named

RECENT = 300.0
"""Seconds before the stop within which an event counts as near."""
DEVICE_NOT_THERE = 24
SRB_SUCCESS, SRB_MASK = 1, 0x3F
SLOW_SECONDS = 5.0
UNCLEAN = 2
HARMLESS_PCI = ("received target abort", "signaled target abort")

Fields = Mapping[str, object]


@rule
def blackbox_facts(crash: Crash) -> Iterator[Finding]:
    """What Plug and Play, storage, NTFS, winlogon, PCI and the boot record noted about the last minutes."""
    if not crash.dump.is_kernel or not crash.dump.streams:
        return
    for item in decode_named(crash.dump, tuple(_READERS)):
        for statement in _READERS[item.name](crash, item.decoded) if item.decoded else ():
            yield _finding(statement, item)


def _finding(statement: str, item: SecondaryData) -> Finding:
    cited = (Citation("field", item.name, item.summary or item.guid),)
    return Finding("blackbox_facts", statement, 0.0, cited, refuted_by="a record left over from earlier")


def _plug_and_play(crash: Crash, fields: Fields) -> Iterator[str]:
    device = str(fields.get("device_id") or "a device without an id")
    if fields.get("in_progress"):
        yield f"Plug and Play was busy with {device} when the system stopped"
    elif fields.get("problem_code") not in (0, DEVICE_NOT_THERE, None) and _is_recent(crash, fields.get("time")):
        yield f"minutes before, {device} had trouble: {fields.get('problem') or fields.get('problem_code')}"


def _storage(_crash: Crash, fields: Fields) -> Iterator[str]:
    requests = cast("list[dict[str, object]]", fields.get("requests") or [])
    ended = [each for each in requests if each.get("end") is not None]
    failed = [each for each in ended if _status(each) not in (0, SRB_SUCCESS)]
    if failed:
        names = ", ".join(
            sorted({f"{each.get('operation')} with SRB status {_status(each):#x}" for each in failed})[:3]
        )
        yield f"storport noted {len(failed)} of its last {len(requests)} requests as failed: {names}"
    slow = [value for each in ended if isinstance(value := each.get("seconds"), float) and value >= SLOW_SECONDS]
    if slow:
        yield f"storport noted requests that took up to {max(slow):.0f} s"


def _status(request: dict[str, object]) -> int:
    status = request.get("srb_status")
    return status & SRB_MASK if isinstance(status, int) else 0


def _ntfs(_crash: Crash, fields: Fields) -> Iterator[str]:
    slow = cast("list[object]", fields.get("slow_io") or [])
    breaks = cast("list[dict[str, object]]", fields.get("oplock_breaks") or [])
    if slow:
        yield f"NTFS noted {len(slow)} requests that took too long"
    if breaks:
        yield f"NTFS waited in vain for {breaks[-1].get('owner_process') or 'a process'} to give up an oplock"


def _winlogon(_crash: Crash, fields: Fields) -> Iterator[str]:
    if fields.get("pending"):
        yield f"winlogon was waiting in {fields.get('operation') or 'a step without a name'}"


def _boot_record(_crash: Crash, fields: Fields) -> Iterator[str]:
    boot, clean = fields.get("last_boot_id"), fields.get("last_successful_shutdown_boot_id")
    if isinstance(boot, int) and isinstance(clean, int) and UNCLEAN <= boot - clean - 1 < boot:
        yield f"the {boot - clean - 1} starts before this one ended without a clean shutdown as well"


def _pci(_crash: Crash, fields: Fields) -> Iterator[str]:
    functions = cast("list[dict[str, object]]", fields.get("functions") or [])
    for each in functions:
        errors = [text for text in cast("list[str]", each.get("errors") or []) if text not in HARMLESS_PCI]
        if errors:
            ids = f"{each.get('vendor_id')}:{each.get('device_id')}"
            yield f"the PCI function {each.get('location')} ({ids}) has error bits set: {', '.join(errors)}"


def _is_recent(crash: Crash, moment: object) -> bool:
    system = crash.machine.system
    if system is None or system.crash_time is None or not isinstance(moment, str):
        return False
    try:
        age = (system.crash_time - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return False
    return 0 <= age <= RECENT


_READERS: dict[str, Callable[[Crash, Fields], Iterator[str]]] = {
    "blackbox pnp": _plug_and_play,
    "storage requests": _storage,
    "blackbox ntfs": _ntfs,
    "blackbox winlogon": _winlogon,
    "blackbox bsd": _boot_record,
    "pci configuration": _pci,
}
