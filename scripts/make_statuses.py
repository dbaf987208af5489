"""ntstatus.h and winerror.h of mingw-w64 → ntstatus.tsv, hresult.tsv and win32.tsv in src/bugcheck/knowledge.

Usage: python scripts/make_statuses.py INCLUDE_FOLDER

INCLUDE_FOLDER holds mingw-w64's headers (Debian package mingw-w64-common, usr/share/mingw-w64/include); both files are
public domain.  Names and numbers are facts of Microsoft's [MS-ERREF].  EXTRA adds codes that page or the Windows SDK
names and the headers lack.  The first name of a code wins, so STATUS_SUCCESS stays STATUS_SUCCESS.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

KNOWLEDGE = Path(__file__).resolve().parent.parent / "src" / "bugcheck" / "knowledge"
NTSTATUS = re.compile(r"^#define\s+(\w+)\s+\(\(NTSTATUS\)\s*(0x[0-9A-Fa-f]+)", re.MULTILINE)
HRESULT = re.compile(r"^#define\s+(\w+)\s+_HRESULT_TYPEDEF_\(\s*(0x[0-9A-Fa-f]+)", re.MULTILINE)
WIN32 = re.compile(r"^#define\s+(\w+)\s+(?:__MSABI_LONG\((\d+)\)|\(WSABASEERR \+ (\d+)\))", re.MULTILINE)
NOT_CODES = ("FACILITY_", "SEVERITY_", "_BASE", "WSABASEERR")
EXTRA = {
    "ntstatus": {
        0x4000001C: "STATUS_WX86_UNSIMULATE",
        0x4000001D: "STATUS_WX86_CONTINUE",
        0x4000001E: "STATUS_WX86_SINGLE_STEP",
        0x4000001F: "STATUS_WX86_BREAKPOINT",
        0x40000020: "STATUS_WX86_EXCEPTION_CONTINUE",
        0x80000029: "STATUS_UNWIND_CONSOLIDATE",
        0x8000002A: "STATUS_REGISTRY_HIVE_RECOVERED",
        0x80000031: "STATUS_DEVICE_POWER_CYCLE_REQUIRED",
        0xC00001A5: "STATUS_INVALID_EXCEPTION_HANDLER",
        0xC0000374: "STATUS_HEAP_CORRUPTION",
        0xC0000409: "STATUS_STACK_BUFFER_OVERRUN",
        0xC000041D: "STATUS_FATAL_USER_CALLBACK_EXCEPTION",
        0xC0000420: "STATUS_ASSERTION_FAILURE",
        0xC0000428: "STATUS_INVALID_IMAGE_HASH",
        0xC0000483: "STATUS_DEVICE_HARDWARE_ERROR",
        0xC0000484: "STATUS_FIRMWARE_SLOT_INVALID",
        0xC0000602: "STATUS_FAIL_FAST_EXCEPTION",
        0xC0000603: "STATUS_IMAGE_CERT_REVOKED",
        0xC0000604: "STATUS_DYNAMIC_CODE_BLOCKED",
        0xC0000605: "STATUS_IMAGE_CERT_EXPIRED",
        0xC0000606: "STATUS_STRICT_CFG_VIOLATION",
        0xC000070A: "STATUS_THREADPOOL_HANDLE_EXCEPTION",
    },
    "hresult": {
        0x887A0001: "DXGI_ERROR_INVALID_CALL",
        0x887A0005: "DXGI_ERROR_DEVICE_REMOVED",
        0x887A0006: "DXGI_ERROR_DEVICE_HUNG",
        0x887A0007: "DXGI_ERROR_DEVICE_RESET",
        0x887A0020: "DXGI_ERROR_DRIVER_INTERNAL_ERROR",
        0x80131506: "COR_E_EXECUTIONENGINE",
        0x80131509: "COR_E_INVALIDOPERATION",
    },
    "win32": {},
}


def first_names(pairs: list[tuple[str, int]], extra: dict[int, str]) -> list[str]:
    """Return "code<TAB>name" lines in order of code; the first name given for a code wins."""
    names: dict[int, str] = {}
    for name, code in pairs:
        if not any(part in name for part in NOT_CODES):
            names.setdefault(code & 0xFFFFFFFF, name)
    for code, name in extra.items():
        names.setdefault(code, name)
    return [f"{code:08x}\t{name}\n" for code, name in sorted(names.items())]


def main() -> None:
    """Write the three data files."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    include = Path(sys.argv[1])
    ntstatus = (include / "ntstatus.h").read_text(encoding="utf-8")
    winerror = (include / "winerror.h").read_text(encoding="utf-8")
    tables = {
        "ntstatus": [(name, int(code, 16)) for name, code in NTSTATUS.findall(ntstatus)],
        "hresult": [(name, int(code, 16)) for name, code in HRESULT.findall(winerror)],
        "win32": [(name, int(plain) if plain else 10000 + int(wsa)) for name, plain, wsa in WIN32.findall(winerror)],
    }
    for table, pairs in tables.items():
        lines = first_names(pairs, EXTRA[table])
        (KNOWLEDGE / f"{table}.tsv").write_text("".join(lines), encoding="utf-8", newline="\n")
        print(f"{table}: {len(lines)} codes")


if __name__ == "__main__":
    main()
