"""A CombinedVerdict → the object of `bugcheck analyze --together --json` (schema bugcheck.combined/1)."""

from __future__ import annotations

from typing import Any

from bugcheck.addresses import format_hex
from bugcheck.reports.combined_document import sentence
from bugcheck.timestamps import format_utc
from bugcheck.verdict.combined import CombinedVerdict
from bugcheck.verdict.crash_record import CrashRecord

SCHEMA = "bugcheck.combined/1"
Json = dict[str, Any]


def combined_json(combined: CombinedVerdict) -> Json:
    """Build the whole object; words and levels are those of `bugcheck.analysis/1`."""
    return {
        "schema": SCHEMA,
        "machine": combined.machine,
        "crashes": [_crash(record) for record in combined.records],
        "verdict": {"headline": sentence(combined)},
        "blame": {
            "module": combined.module,
            "image": combined.image,
            "category": combined.category.value,
            "dumps": combined.count,
            "confidence": combined.confidence,
            "level": combined.level,
            "because": list(combined.because),
            "against": list(combined.against),
            "would_change_our_mind": list(combined.would_change_our_mind),
        },
        "bits": [{"bit": bit, "dumps": times} for bit, times in combined.bits],
        "trend": list(combined.trend),
        "changed": list(combined.changed),
    }


def _crash(record: CrashRecord) -> Json:
    blame = record.blame
    return {
        "file": record.path,
        "crash_time": format_utc(record.crash_time),
        "uptime_seconds": record.uptime,
        "code": format_hex(record.code),
        "name": record.name,
        "place": record.place,
        "faulting_address": None if record.faulting_address is None else format_hex(record.faulting_address),
        "bits": list(record.bits),
        "blame": {
            "module": blame.module,
            "image": blame.image,
            "category": blame.category.value,
            "confidence": blame.confidence,
            "level": blame.level,
        },
    }
