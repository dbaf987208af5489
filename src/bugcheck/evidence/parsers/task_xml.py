"""Task Scheduler XML → a scheduled task: what it starts, when, as whom. Group Policy's tasks too.

Source: Microsoft, "Task Scheduler Schema" (namespace …/2004/02/mit/task: RegistrationInfo, Triggers, Principals,
Settings, Actions/Exec); [MS-GPPREF] "ScheduledTasks" for Group Policy preferences.

Folklore: files below System32\\Tasks have no extension and are UTF-16; a StartBoundary without a zone is local time.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.xml_text import parse_xml
from bugcheck.gaps import Gap

_SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
_ELEMENTS = 100_000
_LIMIT = 4 << 20


def probe(source: Source) -> int:
    """Tell by the namespace, or by Group Policy's class id of scheduled tasks."""
    head = source.head_text[:0x1000]
    if "schemas.microsoft.com/windows/2004/02/mit/task" in head and "<Task" in head:
        return SURE
    return SURE if "<ScheduledTasks" in head and "CC63F200-7309-4ba0" in head else NO


@evidence_parser("task_xml", probe=probe, names=("*.xml",))
def task_xml(source: Source) -> Iterator[Record]:
    """A scheduled task as XML (Vista and later), Group Policy's scheduled tasks."""
    root = parse_xml(source.text(limit=_LIMIT))
    if isinstance(root, str):
        yield Gap(f"the task in {source.path}", root, damage=True)
    elif root.tag == "ScheduledTasks":
        yield from _policy(root)
    else:
        for task in [root] if root.tag == f"{_SPACE}Task" else root.iter(f"{_SPACE}Task"):
            yield from _task(task, source)


def _find(element: ElementTree.Element, path: str) -> str:
    found = element.find("/".join(_SPACE + name for name in path.split("/")))
    return (found.text or "").strip() if found is not None else ""


def _task(task: ElementTree.Element, source: Source) -> Iterator[Record]:
    name = _find(task, "RegistrationInfo/URI") or source.base_name
    triggers = task.find(f"{_SPACE}Triggers")
    kinds = [_trigger(trigger) for trigger in list(triggers if triggers is not None else ())[:50]]
    registered = _find(task, "RegistrationInfo/Date")
    words = {
        "arguments": _find(task, "Actions/Exec/Arguments"),
        "schedule": "; ".join(kinds),
        "user": _find(task, "Principals/Principal/UserId") or _find(task, "Principals/Principal/GroupId"),
        "level": _find(task, "Principals/Principal/RunLevel"),
        "author": _find(task, "RegistrationInfo/Author"),
        "registered": registered,
        "enabled": "no" if _find(task, "Settings/Enabled") == "false" else "yes",
        "handler": _find(task, "Actions/ComHandler/ClassId"),
    }
    fields = {key: value for key, value in words.items() if value}
    yield Fact("scheduled_task", name, _find(task, "Actions/Exec/Command"), "Task", fields)
    time = _time(registered)
    if time:
        user = {"task": name, "user": fields.get("author", "")}
        yield Event(time, "task_registered", f"task {name} was registered", "RegistrationInfo", "task", None, user)


def _trigger(trigger: ElementTree.Element) -> str:
    kind = trigger.tag.removeprefix(_SPACE).removesuffix("Trigger")
    details = [element.tag.removeprefix(_SPACE) for element in trigger.iter() if "Schedule" in element.tag]
    start, interval = _find(trigger, "StartBoundary"), _find(trigger, "Repetition/Interval")
    parts = (
        kind,
        *(detail.removeprefix("ScheduleBy") for detail in details),
        start,
        f"every {interval}" * bool(interval),
    )
    return " ".join(part for part in parts if part)


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _policy(root: ElementTree.Element) -> Iterator[Record]:
    for element in list(root.iter())[:_ELEMENTS]:
        name, properties = element.get("name"), element.find("Properties")
        if not name or properties is None:
            continue
        words = {
            "arguments": properties.get("args", ""),
            "user": properties.get("runAs", ""),
            "enabled": {"0": "no", "1": "yes"}.get(properties.get("enabled", ""), ""),
            "schedule": "; ".join(trigger.get("type", "") for trigger in properties.iter("Trigger")),
            "changed": element.get("changed", ""),
            "source": "Group Policy",
        }
        fields = {key: value for key, value in words.items() if value}
        yield Fact("scheduled_task", name, properties.get("appName", ""), f"task {name}", fields)
