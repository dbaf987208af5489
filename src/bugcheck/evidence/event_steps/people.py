"""Events about logons, connections and programs → logon type, reason, protocol in words.

Source: Microsoft's documentation of security events; IANA's protocol numbers.

Folklore: 4776 and 680 are one event for accepted and refused credentials; only the status tells.
"""

from __future__ import annotations

import re

from bugcheck.evidence.event_record import LogRecord
from bugcheck.evidence.event_steps.step import Fields, Step, into, number_of
from bugcheck.knowledge.events import word
from bugcheck.knowledge.statuses import status_name, status_words

STEPS: dict[str, Step] = {}
_step = into(STEPS)
LOGON_TYPES = {
    "0": "system", "2": "interactive", "3": "network", "4": "batch", "5": "service", "7": "unlock",
    "8": "network, clear text", "9": "new credentials", "10": "remote desktop", "11": "cached", "12": "cached remote",
    "13": "cached unlock",
}  # fmt: skip
_LOGON_REASONS = {
    529: "unknown user name or bad password", 530: "outside of the allowed hours", 531: "the account is disabled",
    532: "the account has expired", 533: "not allowed at this computer", 534: "the logon type is not granted",
    535: "the password has expired", 536: "NetLogon is not active", 537: "an error", 539: "the account is locked out",
}  # fmt: skip
_PROTOCOLS = {"1": "ICMP", "2": "IGMP", "6": "TCP", "17": "UDP", "41": "IPv6", "47": "GRE", "50": "ESP", "58": "ICMPv6"}


@_step
def logon(_: LogRecord, fields: Fields) -> str:
    """Name the logon type."""
    fields["_logon"] = LOGON_TYPES.get(fields.get("logon_type", ""), "")
    if address := fields.get("address"):
        fields["address"] = address.removeprefix("::ffff:")
    return ""


@_step
def logon_failed(record: LogRecord, fields: Fields) -> str:
    """Name the reason of a failed logon."""
    logon(record, fields)
    if record.code in _LOGON_REASONS:
        fields["reason"] = _LOGON_REASONS[record.code]
    else:
        fields["reason"] = _status_reason(fields.get("reason", ""), fields.get("status", ""))
    return ""


def _status_reason(*texts: str) -> str:
    for text in texts:
        code = number_of(text)
        if code:
            return status_words(code) or status_name(code) or f"{code & 0xFFFF_FFFF:#x}"
    return ""


@_step
def kerberos(record: LogRecord, fields: Fields) -> str:
    """A ticket is a network logon."""
    fields["logon_type"] = "3"
    return logon(record, fields)


@_step
def ntlm(_: LogRecord, fields: Fields) -> str:
    """Credentials that were refused are a failed logon."""
    code = number_of(fields.pop("reason", "0"))
    fields["logon_type"] = "3"
    if code:
        fields["reason"] = status_words(code) or status_name(code) or f"{code & 0xFFFF_FFFF:#x}"
        return "logon_failed"
    return ""


@_step
def packet(_: LogRecord, fields: Fields) -> str:
    """Name protocol and direction."""
    fields["protocol"] = _PROTOCOLS.get(fields.get("protocol", ""), fields.get("protocol", "")).upper()
    if direction := fields.get("direction"):
        fields["direction"] = word(direction) or direction.lower()
    return ""


@_step
def yes_no(_: LogRecord, fields: Fields) -> str:
    """Write %%1842 as yes."""
    fields.update({name: word(value) or value for name, value in fields.items()})
    return ""


@_step
def hash(_: LogRecord, fields: Fields) -> str:
    """Keep the SHA-256 of Sysmon's list of hashes."""
    match = re.search(r"SHA256=([0-9A-Fa-f]{64})", fields.pop("hash", ""))
    if match:
        fields["hash"] = match[1].lower()
    return ""
