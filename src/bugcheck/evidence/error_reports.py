"""The signature of a problem reported to Microsoft → an Event: a bug check, a live dump, a program's crash.

Source: Windows Error Reporting's event types and their parameters, as Report.wer names them (Sig[n].Name).  BlueScreen:
code, four parameters, Windows version.

Folklore: BlueScreen is a bug check, LiveKernelEvent a driver that was reset without one.  A bug check's P1 keeps the
small-dump bit.
"""

from __future__ import annotations

import re
from datetime import datetime

from bugcheck.evidence.event_record import one_line
from bugcheck.evidence.event_steps.crash import plain_code
from bugcheck.evidence.evidence import Event

_HEX = re.compile(r"[0-9a-f]{1,16}", re.IGNORECASE)
_PROGRAM = re.compile(r"crash|hang|BEX|CLR20|WWAN", re.IGNORECASE)


def report_event(time: datetime, event_type: str, signature: list[str], fields: dict[str, str]) -> Event:
    """Tell a report of a bug check, of a live dump and of a program apart."""
    kind, lower = "", event_type.lower()
    if lower in ("bluescreen", "livekernelevent") and signature and _HEX.fullmatch(signature[0]):
        kind = "crash_report"
        fields["code"] = plain_code(int(signature[0], 16))
        fields["parameters"] = ", ".join(f"{int(one, 16):#x}" for one in signature[1:5] if _HEX.fullmatch(one))
        fields["live"] = "yes" if lower == "livekernelevent" else "no"
        what = "bug check" if lower == "bluescreen" else "live kernel event"
        text = f"an error report was made of {what} {fields['code']} ({fields['parameters']})"
    elif _PROGRAM.search(event_type):
        kind = "program_crash"
        fields["program"] = signature[0] if signature else ""
        if lower == "appcrash" and len(signature) >= 8:
            fields["version"], fields["module"] = signature[1], signature[3]
            fields["code"], fields["offset"] = f"0x{signature[6]}", f"0x{signature[7]}"
        text = f"an error report was made: {event_type} of {fields['program'] or fields['path'] or '?'}"
    else:
        text = f"an error report was made: {event_type}{' ' if signature else ''}{' '.join(signature[:3])}"
    if fields["bucket"]:
        text += f", bucket {fields['bucket']}"
    kept = {name: one_line(value) for name, value in fields.items() if value}
    return Event(time, kind, one_line(text), "the report", "Windows Error Reporting", None, kept)
