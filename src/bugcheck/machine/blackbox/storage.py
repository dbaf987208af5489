"""storport's record → the last storage requests, the slow, failed and unfinished ones.

Source: DEVICEDUMP_STORAGESTACK_PUBLIC_DUMP and …_STATE_RECORD (ntddstor.h, winioctl.h; packed to one byte).  SRB status
values: srb.h.  Operation codes: SCSI (SPC, SBC).

Folklore: block addresses are wiped.  A request that had not ended when the machine stopped has end time 0 and a status
of 0 or 0x20 that means nothing.  Some records carry no start time; `end` alone then tells when it was.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import Decoded, count, time_at

SIGNATURE = b"DSTP"
HEADER_SIZE = 0x24
RECORD_SIZE = 0x3C
MAX_RECORDS = 1024
SRB_STATUS_SUCCESS = 1
SRB_STATUS_MASK = 0x3F
SLOW_SECONDS = 1.0
OPERATIONS = {
    0x00: "TEST UNIT READY",
    0x08: "READ(6)",
    0x0A: "WRITE(6)",
    0x12: "INQUIRY",
    0x1B: "START STOP UNIT",
    0x28: "READ(10)",
    0x2A: "WRITE(10)",
    0x35: "SYNCHRONIZE CACHE",
    0x42: "UNMAP",
    0x88: "READ(16)",
    0x8A: "WRITE(16)",
    0xA0: "REPORT LUNS",
}


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the storage requests. Raises CorruptDump without the signature, TruncatedDump without a header."""
    del pointer_size
    view.check(0, HEADER_SIZE, "storage dump")
    if view.read(0, 4) != SIGNATURE:
        raise CorruptDump(view.name, "no DSTP signature", 0)
    room = (view.size - HEADER_SIZE) // RECORD_SIZE
    kept = min(view.u32(0x20), room, MAX_RECORDS)
    requests = [_request(view, HEADER_SIZE + index * RECORD_SIZE) for index in range(kept)]
    driver = view.ascii(0x10, 16)
    return Decoded({"driver": driver, "requests": requests}, _summary(driver, requests))


def _request(view: BinaryView, place: int) -> dict[str, object]:
    start, end = view.unpack("2Q", place + 0x20)
    status = view.u32(place + 0x30) if end else None
    operation = view.u8(place)
    return {
        "operation": OPERATIONS.get(operation, f"{operation:#04x}"),
        "start": time_at(view, place + 0x20),
        "end": time_at(view, place + 0x28),
        "seconds": (end - start) / 10_000_000 if 0 < start <= end else None,
        "srb_status": status,
        "error": view.u32(place + 0x34) if end else None,
    }


def _summary(driver: str, requests: list[dict[str, object]]) -> str:
    unfinished = sum(1 for item in requests if item["end"] is None)
    failed = sum(1 for item in requests if _failed(item["srb_status"]))
    seconds = [value for item in requests if isinstance(value := item["seconds"], float)]
    parts = [f"{count(len(requests), 'request')} of {driver or 'a storage driver'}"]
    if unfinished:
        parts.append(f"{unfinished} unfinished")
    if failed:
        parts.append(f"{failed} failed")
    if seconds and max(seconds) >= SLOW_SECONDS:
        parts.append(f"slowest {max(seconds):.1f} s")
    return ", ".join(parts)


def _failed(status: object) -> bool:
    return isinstance(status, int) and status & SRB_STATUS_MASK != SRB_STATUS_SUCCESS
