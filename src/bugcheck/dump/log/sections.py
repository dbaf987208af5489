"""Clean lines → the logs among them, each as fields, title, arguments and what stands around the analysis.

Source: the shape of `!analyze -v` in the logs of docs/logs-read.md; ../shared/facts/windbg.md §3.

Folklore: opening a dump prints a short analysis before the one that was asked for, of the same crash; so a banner
begins another log only where the one before was a full analysis, or spoke of another bug check.  Text after
`Followup:`, or behind a prompt, belongs to nobody's field.  Scripts and articles name fields, too: a field tells of a
crash only where its value is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.dump.log.decode import FIELDS, PROMPT
from bugcheck.records import dataclass, field

MAX_LOGS = 64
MAX_FIELDS, MAX_FIELD_LINES = 4096, 4096
SMALL_DUMP_BIT = 0x1000_0000
_FIELD = re.compile(r"^([A-Z][A-Z0-9_]{1,60}|Followup|Arg[1-4]):(?!:)\s*(.*)$")
_NO_FIELD = frozenset(["WARNING", "NOTE", "ERROR", "STOP", "PEB", "TEB", "KERNEL", "HTTP", "HTTPS", "URL", "RE", "PS"])
_BANNER = re.compile(r"\b(?:Bugcheck|Exception) Analysis\b", re.IGNORECASE)
_PREAMBLE = re.compile(r"^(?:Loading Dump File \[|Microsoft \(R\) Windows Debugger\b|Opened log file )")
_SYSTEM = re.compile(
    r"^(?:Windows .{1,60} Version \d{4,5} |(?:Product|Built by|Edition build lab|Machine Name|Debug session time"
    r"|(?:System|Process) Uptime): |Kernel base = )"
)
_TITLE = re.compile(r"^([A-Z][A-Z0-9_]{3,80}) \((?:0x)?([0-9a-fA-F]{1,8})\)\s*(?:Arguments:)?$")
_NO_TITLE = ("STATUS_", "EXCEPTION_", "ERROR_")
_SHORT = re.compile(r"^BugCheck ([0-9A-Fa-f]{1,8}), \{([0-9a-fA-F`, ]{1,90})\}")
_PROBABLE = re.compile(r"^Probably caused by ?: ?(\w[\w.$-]{0,79})(?: |$)")
EVENT = re.compile(r"^\([0-9a-f]{1,8}\.[0-9a-f]{1,8}\): .{3,80} - code ([0-9a-fA-F]{8})\b")
_COMMAND = re.compile(r"^Bugcheck code ([0-9A-Fa-f]{1,8})$", re.IGNORECASE)
_ARGUMENTS = re.compile(r"^Arguments((?: [0-9a-fA-F`]{1,17}){4})$")
_FATAL = re.compile(r"(?:Fatal System Error:|\bSTOP:) *0x([0-9a-fA-F]{1,8})\b", re.IGNORECASE)
_FATAL_ARGUMENTS = re.compile(r"\((0x[0-9a-fA-F]{1,16}(?:, ?0x[0-9a-fA-F]{1,16}){3})\)")
_HEX = re.compile(r"[0-9a-fA-F]{8}`[0-9a-fA-F]{8}|[0-9a-fA-F]{1,16}")
_LEVEL = r"[0-9a-fA-F]{8}`?(?:[0-9a-fA-F]{8})? [0-9a-fA-F]{8}\S* .*\S|\(Inline.*"
_PLACE = r"[\w.$<>-]+(?:!.+|\+[0-9a-fA-Fx]+)|.*[0-9a-fA-F]{8} \S.*"
_SURE = {
    "BUGCHECK_STR": r"[\w()-]+", "FAILURE_BUCKET_ID": r"[^\s'\",;]+.*", "STACK_TEXT": _LEVEL, "FAULTING_IP": _PLACE,
    "DEFAULT_BUCKET_ID": r"[A-Z][\w()-]+", "BUGCHECK_CODE": r"(?:0x)?[\da-fA-F]{1,8}", "TRAP_FRAME": r"[\da-f`]{8}.*",
    "BUCKET_ID": r"[^\s'\",;]+.*", "FAILURE_ID_HASH": r"\{?[0-9a-fA-F-]{36}\}?", "LAST_CONTROL_TRANSFER": "from .*",
    "FOLLOWUP_IP": _PLACE, "EXCEPTION_CODE_STR": "[0-9a-fA-F]{8}.*",
}  # fmt: skip
"""Fields of a full analysis, and what a line of their value looks like; two of them, or one with a banner, arguments or
levels of a stack, make a text a log."""
_MANY_LEVELS = 2
_FULL = frozenset(["STACK_TEXT", "FAILURE_BUCKET_ID", "BUCKET_ID", "DEFAULT_BUCKET_ID", "BUGCHECK_STR"])


@dataclass(slots=True)
class Log:
    """One log: lines outside fields, fields in order, the bug check's title, code and arguments as far as printed.

    `event` is the place in `loose` of the line that tells of a process's exception, `places` that of a name's first
    field in `fields`.
    """

    loose: list[str] = field(default_factory=list[str])
    fields: list[tuple[str, list[str]]] = field(default_factory=list[tuple[str, list[str]]])
    places: dict[str, int] = field(default_factory=dict[str, int])
    title: str = ""
    codes: dict[str, int] = field(default_factory=dict[str, int])
    arguments: dict[int, int] = field(default_factory=dict[int, int])
    wide: bool | None = None
    has_banner: bool = False
    event: int | None = None
    probable_cause: str = ""
    ended: bool = False

    @property
    def is_full(self) -> bool:
        """Tell whether this is an analysis with its fields, and not only a preamble."""
        return not _FULL.isdisjoint(self.places)

    @property
    def is_log(self) -> bool:
        """Tell whether there is enough of an analysis to speak of a crash."""
        sure = len({name for name, lines in self.fields if name in _SURE and _tells(name, lines)})
        backed = bool(self.arguments or self.title or self.codes) or self._has_stack or self.event is not None
        return sure >= 2 or (self.has_banner and (sure > 0 or backed)) or (sure == 1 and backed)

    @property
    def _has_stack(self) -> bool:
        return sum(re.fullmatch(_LEVEL, line) is not None for line in self.lines("STACK_TEXT")) >= _MANY_LEVELS

    def contradicts(self, code: int) -> bool:
        """Tell whether the log speaks of another bug check than this."""
        told = next((self.codes[key] for key in ("title", "short") if key in self.codes), code)
        return (told ^ code) & ~SMALL_DUMP_BIT != 0

    def lines(self, name: str) -> list[str]:
        """The lines of the first field of a name, blank ones left out."""
        place = self.places.get(name)
        return [line for line in self.fields[place][1] if line] if place is not None else []

    def first(self, *names: str) -> str:
        """The first line of the first of these fields that has one, or ""."""
        return next((lines[0] for name in names if (lines := self.lines(name))), "")


def _tells(name: str, lines: list[str]) -> bool:
    return any(re.fullmatch(_SURE[name], line) for line in lines)


def number(text: str) -> int | None:
    """Read the hexadecimal number a text begins with, with or without 0x and back-tick."""
    match = _HEX.match(text.strip().removeprefix("0x"))
    return int(match.group().replace("`", ""), 16) if match else None


def could_be_log(text: str) -> bool:
    """Tell cheaply whether a text may hold a log: any banner or field of one."""
    return _BANNER.search(text) is not None or any(f"{name}:" in text.replace("\\", "") for name in FIELDS)


def split_logs(lines: list[str]) -> Iterator[Log]:
    """Yield each log in the lines."""
    log, name = Log(), ""
    for line in lines:
        if _begins_another(line, log):
            if log.is_log:
                yield log
            log, name = Log(), ""
        name = _take(line, log, name)
    if log.is_log:
        yield log


def _begins_another(line: str, log: Log) -> bool:
    code = _told_code(line)
    if code is not None and log.contradicts(code):
        return True
    if not log.is_full:
        return False
    if _BANNER.search(line) or _PREAMBLE.match(line):
        return True
    match = _FIELD.match(line)
    again = match is not None and match[1] in _SURE and match[1] in log.places
    return (log.ended and (again or _title(line) is not None)) or (again and _closed(log))


def _told_code(line: str) -> int | None:
    short, title = _SHORT.match(line), _title(line)
    return int(short[1], 16) if short else int(title[2], 16) if title else None


def _title(line: str) -> re.Match[str] | None:
    """The line that names the bug check; `STATUS_… (c0000005)` looks like one."""
    match = _TITLE.match(line)
    return match if match is not None and not match[1].startswith(_NO_TITLE) else None


def _closed(log: Log) -> bool:
    """Tell whether the bucket was printed, after which no analysis goes on for long."""
    return log.places.get("FAILURE_BUCKET_ID", len(log.fields)) < len(log.fields) - 4


def _take(line: str, log: Log, name: str) -> str:
    """Put a line where it belongs; returns the name of the field that is open, "" for none."""
    if line.startswith(PROMPT):
        line, name = line.removeprefix(PROMPT), ""
    match = _FIELD.match(line)
    if match is not None and match[1] not in _NO_FIELD:
        return _take_field(log, match[1], match[2].strip())
    if name and _is_of_field(line, log):
        if len(log.fields[-1][1]) < MAX_FIELD_LINES:
            log.fields[-1][1].append(line)
        _note(line, log)
        return name
    log.loose.append(line)
    if log.event is None and EVENT.match(line):
        log.event = len(log.loose) - 1
    _note(line, log)
    return ""


def _is_of_field(line: str, log: Log) -> bool:
    return not (log.ended or _BANNER.search(line) or _title(line) or _PREAMBLE.match(line) or _SYSTEM.match(line))


def _take_field(log: Log, name: str, rest: str) -> str:
    if name.startswith("Arg"):
        _argument(log, int(name[3]), rest)
        return ""
    if name == "Followup":
        log.ended = log.ended or log.is_full
    if len(log.fields) == MAX_FIELDS:
        return ""
    log.places.setdefault(name, len(log.fields))
    log.fields.append((name, [rest]))
    if name.startswith("BUGCHECK_P") and name[-1] in "1234" and len(name) == 11:
        _argument(log, int(name[-1]), rest, sure=False)
    elif name == "BUGCHECK_CODE":
        value = number(rest)
        if value is not None:
            log.codes.setdefault("field", value & 0xFFFF_FFFF)
    return name


def _argument(log: Log, index: int, text: str, *, sure: bool = True) -> None:
    value = number(text)
    if value is None:
        return
    if sure and log.wide is None:
        digits = len(text.split(",")[0].split()[0].removeprefix("0x").replace("`", ""))
        log.wide = {8: False, 16: True}.get(digits)
    log.arguments.setdefault(index, value)


def _note(line: str, log: Log) -> None:
    """Remember what a line outside the fields says of the bug check."""
    if _BANNER.search(line):
        log.has_banner = True
    elif match := _PROBABLE.match(line):
        log.probable_cause = log.probable_cause or match[1]
    elif match := _title(line):
        log.title = log.title or match[1]
        log.codes.setdefault("title", int(match[2], 16))
    elif match := _SHORT.match(line):
        log.codes.setdefault("short", int(match[1], 16))
        _arguments(log, match[2].split(","))
    elif match := _COMMAND.match(line):
        log.codes.setdefault("command", int(match[1], 16))
    elif match := _ARGUMENTS.match(line):
        _arguments(log, match[1].split())
    elif match := _FATAL.search(line):
        log.codes.setdefault("fatal", int(match[1], 16))
    if log.codes.get("fatal") is not None and (match := _FATAL_ARGUMENTS.search(line)):
        _arguments(log, match[1].split(","))


def _arguments(log: Log, words: list[str]) -> None:
    for index, word in enumerate(words[:4], 1):
        value = number(word)
        if value is not None:
            log.arguments.setdefault(index, value)
