"""The task cache of SOFTWARE → scheduled tasks, when they last ran, what they start.

Source: observed on Windows 7 to 11 and described by several forensic readers: `TaskCache\\Tasks\\{GUID}` with `Path`,
`DynamicInfo` (version, FILETIMEs of registration at 4 and last start at 12, last result at 24) and `Actions` (version,
owner, then actions: mark 0x6666 for a program, strings with their length before them).

Folklore: DynamicInfo has three lengths (28, 36 bytes and more); the first two times stand at the same places.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.binary import BinaryView
from bugcheck.errors import TruncatedDump
from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.hives.keys import Key, Value, filled, iso
from bugcheck.timestamps import from_filetime

_TASKS = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks"
_PROGRAM, _STRING_LIMIT, _ACTIONS_LIMIT = 0x6666, 0x2000, 32


def cached_tasks(root: Key) -> Iterator[Record]:
    """Yield the tasks of a SOFTWARE hive and their last runs."""
    for key in root.under(_TASKS):
        name = key.text("Path") or key.text("URI")
        if not name:
            continue
        dynamic = key.values().get("dynamicinfo")
        data = dynamic.data if dynamic else b""
        registered, last = (from_filetime(int.from_bytes(data[at : at + 8], "little")) for at in (4, 12))
        command, arguments = _program(key.values().get("actions"))
        fields = filled(arguments=arguments, last_run=iso(last), registered=iso(registered), author=key.text("Author"))
        where = f"key {key.path}"
        yield Fact("scheduled_task", name, command, where, fields)
        if last:
            run = filled(task=name, program=command)
            yield Event(last, "task_run", f"task {name} ran (last time)", where, "task cache", None, run)


def _program(actions: Value | None) -> tuple[str, str]:
    """Return command and arguments of the first program a task starts, empty when it starts none."""
    if actions is None:
        return "", ""
    view = BinaryView(actions.data, "Actions")
    try:
        at = 2
        _, at = _string(view, at)
        for _ in range(_ACTIONS_LIMIT):
            if at + 2 > view.size or view.u16(at) != _PROGRAM:
                return "", ""
            _, at = _string(view, at + 2)
            command, at = _string(view, at)
            arguments, _ = _string(view, at)
            if command:
                return command, arguments
    except TruncatedDump:
        pass
    return "", ""


def _string(view: BinaryView, at: int) -> tuple[str, int]:
    size = view.u32(at)
    if size > _STRING_LIMIT:
        raise TruncatedDump(view.name, "a string longer than a command line", at)
    return view.utf16(at + 4, size), at + 4 + size
