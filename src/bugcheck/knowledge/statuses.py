"""A 32-bit status, HRESULT, Win32 error or exception code → its name and what it means.

Source of truth: ntstatus.tsv, hresult.tsv, win32.tsv (Microsoft's [MS-ERREF], through mingw-w64's public-domain
headers; scripts/make_statuses.py), exception_codes.tsv (codes compilers and runtimes chose) and status_words.tsv (our
words).

Folklore: 64-bit bug check parameters hold the code sign-extended (0xffffffffc0000005).  One number may be wrapped:
0x80070005 is Win32 error 5 as an HRESULT, 0xc0070005 the same as an NTSTATUS, and 0xd0000005 NTSTATUS 0xc0000005 as an
HRESULT.  Bit 29 marks codes that are nobody's but the caller's own, so no table can name them.
"""

from __future__ import annotations

from bugcheck.knowledge.tables import find_row

_NT_BIT = 0x1000_0000
_CUSTOMER_BIT = 0x2000_0000
_SEVERITIES = ("success", "information", "warning", "error")
FACILITIES = {
    0x1: "debugger",
    0x2: "RPC runtime",
    0x3: "RPC stubs",
    0x4: "I/O",
    0x6: "CodeClass",
    0x7: "Win32",
    0x8: "certificates",
    0x9: "security",
    0xA: "terminal server",
    0x10: "USB",
    0x11: "HID",
    0x12: "FireWire",
    0x13: "cluster",
    0x14: "ACPI",
    0x15: "side-by-side",
    0x19: "transactions",
    0x1A: "common log",
    0x1B: "video",
    0x1C: "filter manager",
    0x1D: "monitor",
    0x1E: "graphics kernel",
    0x20: "driver framework",
    0x21: "BitLocker",
    0x22: "filtering platform",
    0x23: "NDIS",
    0x35: "hypervisor",
    0x36: "IPsec",
    0x37: "virtual machine",
    0x38: "volume manager",
    0x39: "boot configuration",
    0x3A: "virtual disk",
    0x3E: "window manager",
    0x3F: "GDI",
    0x43: "secure boot",
    0x50: "volume snapshots",
    0x51: "SD bus",
    0x5D: "SMB",
    0xE7: "storage spaces",
    0xE9: "system integrity",
}


def to_code(value: int) -> int:
    """Return a status as 32 bits; a sign-extended 64-bit or a negative number loses its upper half."""
    return value & 0xFFFF_FFFF


def status_name(code: int) -> str | None:
    """Return the STATUS_… name of an NTSTATUS, or None."""
    return _name("ntstatus.tsv", code)


def hresult_name(code: int) -> str | None:
    """Return the name of an HRESULT (E_…, DXGI_ERROR_…), or None; wrapped Win32 errors and statuses are not here."""
    return _name("hresult.tsv", code)


def win32_name(code: int) -> str | None:
    """Return the ERROR_… or WSA… name of a Win32 error, or None."""
    return _name("win32.tsv", code)


def status_words(code: int) -> str | None:
    """Return one plain sentence on what a common status or exception code means, or None."""
    return _name("status_words.tsv", code)


def describe_status(code: int) -> str:
    """Return the best name for a code of unknown kind: exception, NTSTATUS, HRESULT, a wrapped one, else its parts."""
    code = to_code(code)
    known = _name("exception_codes.tsv", code) or status_name(code) or hresult_name(code)
    return known or _unwrapped(code) or _parts(code)


def _name(table: str, code: int) -> str | None:
    """Return the second column of the line of `code`, or None."""
    row = find_row(table, f"{to_code(code):08x}")
    return None if row is None else row[1]


def _unwrapped(code: int) -> str | None:
    """Return "HRESULT_FROM_WIN32(ERROR_…)" and the like for a code inside another."""
    if code & 0xBFFF_0000 == 0x8007_0000:
        name = win32_name(code & 0xFFFF)
        kind = "NTSTATUS_FROM_WIN32" if code & 0x4000_0000 else "HRESULT_FROM_WIN32"
        return name and f"{kind}({name})"
    if code & _NT_BIT:
        name = status_name(code & ~_NT_BIT)
        return name and f"HRESULT_FROM_NT({name})"
    return None


def _parts(code: int) -> str:
    """Return the number with its severity and facility in words."""
    if code & _CUSTOMER_BIT:
        return f"0x{code:08x} (a code of the program's own)"
    facility = (code >> 16) & 0xFFF
    words = f", {FACILITIES.get(facility, f'facility {facility:#x}')}" if facility else ""
    return f"0x{code:08x} ({_SEVERITIES[code >> 30]}{words})"
