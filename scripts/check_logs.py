"""A folder of real logs → docs/logs-read.md: which fields bugcheck reads as a second, much simpler reader does.

Usage: `python scripts/check_logs.py FOLDER [--write docs/logs-read.md] [--show]`.  FOLDER holds one folder for each
source (`owner+repository`), with files named by their path there (`docs__crash.md`).  The texts are other people's and
stay outside this repository; only the table does not.

The second reader shares no code with bugcheck.dump.log: it looks for `NAME:` with one regular expression and takes
what stands behind it.  Where it is known to be wrong, a person has read the log: those values stand, with the reason,
in scripts/logs_by_eye.tsv and take its place.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bugcheck.dump.log.facts import LogFrame
from bugcheck.dump.open import open_dumps
from bugcheck.errors import BugcheckError
from bugcheck.findings.findings import Crash
from bugcheck.machine.machine import Machine

ROOT = Path(__file__).resolve().parents[1]
BY_EYE = Path(__file__).with_name("logs_by_eye.tsv")
ONE_LINE = (
    "BUGCHECK_STR", "DEFAULT_BUCKET_ID", "PROCESS_NAME", "CURRENT_IRQL", "IMAGE_NAME", "MODULE_NAME", "SYMBOL_NAME",
    "FAILURE_BUCKET_ID", "BUCKET_ID", "STACK_COMMAND", "LAST_CONTROL_TRANSFER", "DEBUG_FLR_IMAGE_TIMESTAMP",
    "PRIMARY_PROBLEM_CLASS", "FAILURE_ID_HASH", "OS_VERSION", "SYMBOL_STACK_INDEX", "IMAGE_VERSION", "READ_ADDRESS",
    "WRITE_ADDRESS", "FAULTING_MODULE", "FAULTING_THREAD", "BUILD_VERSION_STRING", "FOLLOWUP_NAME",
)  # fmt: skip
"""Fields whose value stands behind their name."""
_BANNER = re.compile(r"(?:Bugcheck|Exception)\s+Analysis", re.IGNORECASE)
_ANY_FIELD = re.compile(r"^[A-Z][A-Z0-9_]{4,}:")
_HEX = r"[0-9a-fA-F]{8}`?[0-9a-fA-F]{8}|[0-9a-fA-F]{8}"
_ARGUMENT = re.compile(rf"^Arg([1-4]):\s*(?:0x)?({_HEX}|[0-9a-fA-F]+)\b", re.MULTILINE)
_TITLE = re.compile(r"^[A-Z][A-Z0-9_]{3,} \(([0-9a-f]{1,8})\)$", re.MULTILINE)
_REGISTER = re.compile(r"\b([re]?[a-ds][xip]|[re]bp|r\d+|x\d+|fp|lr|pc|sp)=([0-9a-fA-F`]{8,17})\b")
_FRAME = re.compile(
    rf"^(?:[0-9a-f]{{2}} )?({_HEX})[ :]+({_HEX})[ :]+(?:(?:{_HEX})[ :]+)*(\S*!.+|\S+\+\S.*|0x[0-9a-f`]+)$"
)
_UNFINISHED = re.compile(rf"^(?:(?:{_HEX})[ :]*){{2,}}$")


class Row(NamedTuple):
    """What came of one log."""

    source: str
    kind: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]


def main() -> int:
    """Compare all logs of a folder; exit status 1 when a field differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path, help="the table to write")
    parser.add_argument("--show", action="store_true", help="print every difference")
    options = parser.parse_args()
    by_eye = read_by_eye()
    rows = [row for path in sorted(options.folder.glob("*/*")) for row in check(path, by_eye, show=options.show)]
    if options.write:
        options.write.write_text(table(rows), encoding="utf-8")
    right, wrong = sum(len(row.right) for row in rows), sum(len(row.wrong) for row in rows)
    print(f"{len(rows)} logs: {right} fields right, {wrong} wrong")
    return 1 if wrong else 0


def read_by_eye() -> dict[tuple[str, str], str]:
    """(source, field) → the value a person read."""
    lines = BY_EYE.read_text("utf-8").splitlines() if BY_EYE.exists() else []
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {(source, field): value for source, field, value, _reason in rows}


def check(path: Path, by_eye: dict[tuple[str, str], str], *, show: bool) -> Iterator[Row]:
    """Read one file both ways."""
    source = f"{path.parent.name.replace('+', '/')}: {path.name.replace('__', '/')}"
    expected = [dict(simple(part)) for part in parts(text_of(path))]
    found = ours(path)
    count = by_eye.get((source, "logs"), str(len([part for part in expected if part])))
    if count != str(len(found)):
        if show:
            print(f"{source}\n  logs\n    theirs {count!r}\n    ours   '{len(found)}'")
        yield Row(source, "number of logs", (), ("logs",))
    for index in range(max(len(expected), len(found))):
        name = source if max(len(expected), len(found)) == 1 else f"{source} #{index + 1}"
        theirs = dict(expected[index]) if index < len(expected) else {}
        for field in [field for place, field in by_eye if place == name and field != "logs"]:
            theirs[field] = by_eye[name, field]
        theirs = {field: value for field, value in theirs.items() if value not in ("", "-")}
        mine, kind = found[index] if index < len(found) else ({}, "not read")
        wrong = [field for field, value in theirs.items() if mine.get(field, "") != value]
        if show:
            for field in wrong:
                print(f"{name}\n  {field}\n    theirs {theirs[field]!r}\n    ours   {mine.get(field)!r}")
        if theirs or mine:
            yield Row(name, kind, tuple(field for field in theirs if field not in wrong), tuple(wrong))


def table(rows: list[Row]) -> str:
    """Write the table in Markdown."""
    right, wrong = sum(len(row.right) for row in rows), sum(len(row.wrong) for row in rows)
    lines = [
        "# Logs of other people that were read",
        "",
        f"{len(rows)} logs from public repositories: {right} fields right, {wrong} wrong.  Made by",
        "`scripts/check_logs.py` from the texts, which are not ours and not here; how a field is judged stands there.",
        "",
        "| source | kind | right | wrong |",
        "|---|---|---|---|",
    ]
    for row in rows:
        source = row.source.replace("|", "\\|")
        lines.append(f"| {source} | {row.kind} | {len(row.right)} | {', '.join(row.wrong) or '–'} |")
    return "\n".join(lines) + "\n"


# --- the simple reader ---


def text_of(path: Path) -> str:
    """Decode, and take away what mail, HTML and Markdown put around a line."""
    raw = path.read_bytes()
    text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    if path.suffix == ".html":
        text = re.sub(r"</?(?:span|code|pre|p|div)[^<>]*>", "", text)
    text = html.unescape(text) if "&lt;" in text or "&#" in text else text
    text = re.sub(r"\\([_`*])|<br ?/?>", r"\1", text.replace("\r\n", "\n").replace("\ufeff", ""))
    return "\n".join(re.sub(r"^[\s>|#]*", "", line).rstrip() for line in text.split("\n"))


def parts(text: str) -> list[str]:
    """Cut at banners; a part without a field of a full analysis belongs to the next one."""
    pieces: list[str] = []
    kept = ""
    told = [*re.finditer(r"^BugCheck ([0-9A-F]+), ", text, re.MULTILINE), *_TITLE.finditer(text)]
    codes = [(match.start(), int(match[1], 16) & 0xFFF_FFFF) for match in sorted(told, key=re.Match[str].start)]
    if cut := next(
        (start for start, code in codes if code != codes[0][1]), 0
    ):  # two crashes, of which one was analysed
        return [text[:cut], *parts(text[cut:])]
    for piece in re.split(rf"(?=^.*{_BANNER.pattern})", text, flags=re.MULTILINE | re.IGNORECASE):
        kept += piece
        if re.search(r"^(?:STACK_TEXT|FAILURE_BUCKET_ID|BUGCHECK_STR|DEFAULT_BUCKET_ID):", kept, re.MULTILINE):
            pieces.append(kept)
            kept = ""
    if kept and pieces:
        pieces[-1] += kept
    return pieces or [text]


def simple(text: str) -> Iterator[tuple[str, str]]:
    """Yield (field, value) of one log."""
    for name in ONE_LINE:
        match = re.search(rf"^{name}:[ \t]*(\S.*)$", text, re.MULTILINE)
        if match:
            yield name, " ".join(match[1].split())
    match = _TITLE.search(text)
    if match:
        yield "code", match[1].lstrip("0")
    for match in reversed(list(_ARGUMENT.finditer(text))):
        yield f"Arg{match[1]}", str(int(match[2].replace("`", ""), 16))
    for name in ("TRAP_FRAME", "CONTEXT"):
        block = _block(text, name)
        registers = dict(reversed(_REGISTER.findall(block)))
        if registers:
            yield (
                "registers",
                " ".join(
                    f"{r}={int(v.replace('`', ''), 16):x}"
                    for r, v in sorted(registers.items())
                    if int(v.replace("`", ""), 16)
                ),
            )
            break
    frames = [match for line in _joined(_block(text, "STACK_TEXT")) if (match := _FRAME.match(line))]
    if frames:
        yield "frames", str(len(frames))
        yield "stack", " ".join(f"{_number(m[1])}:{_number(m[2])}:{_symbol(m[3])}" for m in frames)
    match = re.search(rf"^ExceptionAddress: ({_HEX})", text, re.MULTILINE)
    if match:
        yield "ExceptionAddress", _number(match[1])
    match = re.search(r"^Windows .*Version (\d{4,5}) ", text, re.MULTILINE)
    if match:
        yield "build", match[1]


def _joined(block: str) -> Iterator[str]:
    before = ""
    for line in block.split("\n"):
        before = f"{before} {line}".strip()
        if not _UNFINISHED.match(before):
            yield re.sub(" {3,}.*", "", before)
            before = ""


def _block(text: str, name: str) -> str:
    lines = text[match.start() :].split("\n") if (match := re.search(rf"^{name}:", text, re.MULTILINE)) else []
    kept: list[str] = []
    for line in lines:
        if kept and _ANY_FIELD.match(line) and not line.startswith("WARNING"):
            break
        kept.append(line)
    return "\n".join(kept)


def _number(text: str) -> str:
    return f"{int(text.replace('`', ''), 16):x}"


def _symbol(text: str) -> str:
    text = re.sub(r"\s*(\[[^\[\]]*@ \d+\]|\(FPO.*\)|\(CONV.*\))?\s*$", "", text).removesuffix("+0x0")
    return f"0x{_number(text[2:])}" if re.fullmatch(r"0x[0-9a-f`]+", text) else text


# --- bugcheck's reading ---


def ours(path: Path) -> list[tuple[dict[str, str], str]]:
    """What bugcheck makes of each log of a file: field → value, and the kind of log."""
    try:
        opened = [each for each in open_dumps(str(path)) if each.dump is not None]
    except BugcheckError:
        return []
    return [_crash_fields(Crash(Machine(each.dump))) for each in opened if each.dump is not None and each.dump.log]


def _crash_fields(crash: Crash) -> tuple[dict[str, str], str]:
    machine, log = crash.machine, crash.dump.log
    assert log is not None
    fields = {name: " ".join(log.field(name).split()) for name in ONE_LINE}
    if machine.dump.is_kernel:
        fields["PROCESS_NAME"] = machine.process.name if machine.process else ""
        fields["CURRENT_IRQL"] = "" if machine.irql is None else f"{machine.irql:x}"
    check = machine.bugcheck
    for number, parameter in enumerate(check.parameters if check else (), 1):
        fields[f"Arg{number}"] = str(parameter.value)
    if check is not None:
        fields["code"] = f"{check.recorded_code:x}"
    if machine.fault_context is not None:
        registers = {
            r: v for r, v in machine.fault_context.registers.items() if v and (len(r) > 2 or r in ("r8", "r9"))
        }
        fields["registers"] = " ".join(
            f"{r}={v:x}" for r, v in sorted(registers.items()) if _REGISTER.fullmatch(f"{r}={v:08x}")
        )
    frames = [frame for frame in log.frames if not frame.inline]
    fields["frames"] = str(len(frames))
    fields["stack"] = " ".join(f"{f.frame_address:x}:{f.return_address:x}:{_name(f)}" for f in frames)
    exception = machine.exception
    fields["ExceptionAddress"] = f"{exception.address:x}" if exception else ""
    fields["build"] = str(machine.system.build) if machine.system else ""
    kind = f"{'kernel' if machine.dump.is_kernel else 'user'} {machine.architecture.value} {log.system.build or ''}"
    return fields, kind.strip()


def _name(frame: LogFrame) -> str:
    if not frame.module:
        return f"0x{frame.ip:x}"
    base = f"{frame.module}!{frame.function}" if frame.function else frame.module
    return f"{base}+0x{frame.offset:x}" if frame.offset or not frame.function else base


if __name__ == "__main__":
    sys.exit(main())
