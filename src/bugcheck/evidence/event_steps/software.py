"""Events about installations, updates and virus scanners → product, version, KB number, error name.

Source: Microsoft's documentation of Windows Installer's, Windows Update's and Defender's events.

Folklore: 1033 says "installed" for failures, too; only its status tells.
"""

from __future__ import annotations

import re

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord, one_line
from bugcheck.evidence.event_steps.step import Fields, Step, into, number_of, one_line_fields, set_message
from bugcheck.knowledge.statuses import hresult_name, win32_name

STEPS: dict[str, Step] = {}
_step = into(STEPS)
_KB = re.compile(r"\bKB\d{6,8}\b")
_MSI_OUTCOMES = {
    1033: ("was installed", "could not be installed"), 1034: ("was removed", "could not be removed"),
    1035: ("was reconfigured", "could not be reconfigured"),
}  # fmt: skip


@_step
def update(_: LogRecord, fields: Fields) -> str:
    """Find the KB number in a title; name the error."""
    if kb := _KB.search(" ".join(fields.values())):
        fields["kb"] = kb[0]
    if fields.get("kb") == fields.get("title", "").strip():
        del fields["title"]
    code = number_of(fields.get("code", ""))
    if code is not None:
        name = hresult_name(code)
        fields["code"] = f"{code & 0xFFFF_FFFF:#x}" + (f" {name}" if name else "")
    one_line_fields(fields)
    return ""


@_step
def servicing(record: LogRecord, fields: Fields) -> str:
    """Tell an installed package from one that is only staged or was taken out."""
    update(record, fields)
    state = fields.get("state", "Installed")
    if state in ("Absent", "Uninstalled", "0"):
        return "software_removed"
    return "" if state in ("Installed", "7", "112") else "none"


@_step
def msi(record: LogRecord, fields: Fields) -> str:
    """Tell a failed installation by its status; 3010 and 1641 only ask for a restart."""
    code = fields.pop("code", "0").strip()
    fields.pop("language", None)
    done, not_done = _MSI_OUTCOMES.get(record.code, ("was changed", "could not be changed"))
    fields["_outcome"] = done
    if code in ("0", "3010", "1641"):
        return ""
    name = win32_name(int(code)) if code.isdigit() and len(code) < 6 else None
    fields["code"] = f"{code} {name}" if name else code
    fields["_outcome"] = f"{not_done}: {fields['code']}"
    return "software_failed"


@_step
def msi_patch(record: LogRecord, fields: Fields) -> str:
    """The patch stands second in 1022 and fourth in 1036."""
    if record.code == 1036 and record.string(3):
        fields["kb"], fields["version"] = record.string(3), record.string(1)
    return ""


@_step
def msi_sentence(record: LogRecord, fields: Fields) -> str:
    """Find the product in `Product: NAME -- what happened`."""
    text = one_line(fields.get("message") or record.message)
    fields["message"] = text
    if match := re.match(r"[^:]{3,12}: (.{1,200}?) -- ", text):
        fields["product"] = match[1]
    return ""


@_step
def definitions(record: LogRecord, fields: Fields) -> str:
    """Find the version of virus definitions in a product's sentence."""
    set_message(record, fields)
    text = " ".join(record.texts())[:MATCH_LIMIT]
    if match := re.search(r"[Vv]ersion:? ?([\w./-]*\d[\w./-]*)|\b(\d{6}[a-z]{1,3})\b", text):
        fields["definitions"] = match[1] or match[2]
    return ""


@_step
def defender(record: LogRecord, fields: Fields) -> str:
    """Name the product where the text does not; trim the path."""
    fields.setdefault("product", "Microsoft Defender" if "Defender" in record.provider else record.provider)
    if "definitions" in fields and record.code in (1150, 1151):
        fields["state"] = "healthy"
    one_line_fields(fields)
    return ""
