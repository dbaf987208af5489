"""Events about services and tasks → state and error in words.

Source: Microsoft's documentation of the Service Control Manager's and Task Scheduler's events.

Folklore: 7036 is one event for every state, written as a word of the system's language.
"""

from __future__ import annotations

import re

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord
from bugcheck.evidence.event_steps.step import Fields, Step, into, number_of, one_line_fields
from bugcheck.knowledge.events import word
from bugcheck.knowledge.statuses import hresult_name, status_name, win32_name

STEPS: dict[str, Step] = {}
_step = into(STEPS)


@_step
def win32_code(_: LogRecord, fields: Fields) -> str:
    """Name the Win32 error a service ended with (%%1053, 1053, or prose)."""
    text = fields.get("code", "").strip()
    code = number_of(text.removeprefix("%%"))
    if code is not None:
        name = win32_name(code) if code < 0x10000 else hresult_name(code) or status_name(code)
        fields["code"] = f"{code if code < 0x10000 else hex(code)}" + (f" {name}" if name else "")
    return ""


@_step
def service_state(record: LogRecord, fields: Fields) -> str:
    """Tell started from stopped, in the languages whose words we know."""
    if "service" not in fields:
        _quoted_service(record, fields)
    state = word(fields.get("state", ""))
    if state is None:
        return "none"
    fields["state"] = state
    return {"running": "service_started", "stopped": "service_stopped"}.get(state, "none")


def _quoted_service(record: LogRecord, fields: Fields) -> None:
    """Take service and state from a sentence of another language: in quotes, or by a known word."""
    text = record.message[:MATCH_LIMIT]
    quoted = re.findall(r"[\"„“«「\u201d]\s?([^\"„“”»」«「]{1,120}?)\s?[\"“”»」]", text)
    if len(quoted) >= 2:
        fields["service"], fields["state"] = quoted[0], quoted[1]
    elif match := re.search(r"^(.{1,120}?)\s?(?:服务|服務|サービス)\S*\s?(\S{2,4}?)\s?(?:状态|狀態|状態)", text):
        fields["service"], fields["state"] = match[1], match[2]


@_step
def restart(record: LogRecord, fields: Fields) -> str:
    """Fall back on the record's user where the text names none."""
    if "user" not in fields and record.user:
        fields["user"] = record.user
    one_line_fields(fields)
    return ""


@_step
def dcom(_: LogRecord, fields: Fields) -> str:
    """Name the server where no service is named."""
    server = fields.pop("server", "").rstrip(".")
    fields.setdefault("service", server)
    return ""


@_step
def task_result(_: LogRecord, fields: Fields) -> str:
    """Write a task's result in hexadecimal unless it is 0."""
    code = number_of(fields.get("result", ""))
    fields["result"] = "finished" if code is None else "0" if code == 0 else f"{code & 0xFFFF_FFFF:#x}"
    return ""


@_step
def task_content(_: LogRecord, fields: Fields) -> str:
    """Find the command in the task's XML."""
    text = fields.pop("program", "")[:8000]
    command = re.search(r"<Command>([^<]{1,500})", text)
    arguments = re.search(r"<Arguments>([^<]{1,500})", text)
    if command:
        fields["program"] = command[1] + (f" {arguments[1]}" if arguments else "")
    return ""
