"""Bytes of a text file → clean lines: encodings, HTML, quotation marks, lost line breaks.

Source: logs as people post them (docs/logs-read.md names some).

Folklore: WinDbg's `.logopen /u` writes UTF-16; a Chinese console writes GBK, and a text that went through both is
damaged only outside ASCII, which no field needs.  Mail quotes with `>`, source code with `//`, `#` or `;`, Markdown
escapes `_` and back-ticks, HTML doubles as `&lt;` and `&#96;`, word processors turn back-ticks into quotation marks,
and blogs run fields together on one line.
"""

from __future__ import annotations

import html
import itertools
import re

from bugcheck.binary import BinaryView

MAX_BYTES = 4 << 20
MAX_LINE = 4096
PROBED = 1 << 16
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,5}|#x[0-9a-fA-F]{1,4});")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/pre)\b[^<>]{0,80}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|pre|span|code|t[drh]|table|li|ul|ol|html|body|head|b|i|u|em|strong|font|a|blockquote|br|hr|h\d)"
    r"(?:\s[^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^[ \t]{0,8}(?:(?:>|\||//|#|;)[ \t]?){1,8}")
_PROMPT = re.compile(r"^(?:(?:\d{1,4}: ?)?[lk]?kd(?::\w{1,8})?|\d{1,3}:\d{1,4}(?::\w{1,8})?)> ?")
PROMPT = "kd> "
_TICKS = re.compile(r"(?<=[0-9a-fA-F]{8})\\?[`'´‘’＇｀](?=[0-9a-fA-F]{8})")
_ODD_SPACE = str.maketrans(
    {"\u00a0": " ", "\u3000": " ", "\u200b": None, "\ufeff": None, "\u200e": None, "：": ":", "\u0085": " "}
)
FIELDS = (
    "ADDITIONAL_DEBUG_TEXT", "ANALYSIS_SESSION_HOST", "ANALYSIS_SESSION_TIME", "ANALYSIS_SOURCE", "ANALYSIS_VERSION",
    "BUCKET_ID", "BUCKET_ID_FUNC_OFFSET", "BUGCHECKING_DRIVER", "BUGCHECK_CODE", "BUGCHECK_P1", "BUGCHECK_P2",
    "BUGCHECK_P3", "BUGCHECK_P4", "BUGCHECK_STR", "BUILD_VERSION_STRING", "BUILDLAB_STR", "CONTEXT", "CPU_COUNT",
    "CURRENT_IRQL", "CUSTOMER_CRASH_COUNT", "DEBUG_FLR_IMAGE_TIMESTAMP", "DEFAULT_BUCKET_ID", "DUMP_CLASS",
    "DUMP_QUALIFIER", "DUMP_TYPE", "ERROR_CODE", "EXCEPTION_CODE", "EXCEPTION_CODE_STR", "EXCEPTION_PARAMETER1",
    "EXCEPTION_PARAMETER2", "EXCEPTION_RECORD", "FAILED_INSTRUCTION_ADDRESS", "FAILURE_BUCKET_ID", "FAILURE_ID_HASH",
    "FAILURE_ID_HASH_STRING", "FAULTING_IP", "FAULTING_MODULE", "FAULTING_THREAD", "FOLLOWUP_IP", "FOLLOWUP_NAME",
    "IMAGE_NAME", "IMAGE_VERSION", "LAST_CONTROL_TRANSFER", "MODULE_NAME", "OSNAME", "OSPLATFORM_TYPE", "OS_VERSION",
    "PRIMARY_PROBLEM_CLASS", "PROCESS_NAME", "READ_ADDRESS", "STACK_COMMAND", "STACK_TEXT", "SYMBOL_NAME",
    "SYMBOL_STACK_INDEX", "TRAP_FRAME", "WRITE_ADDRESS",
)  # fmt: skip
"""Fields that are found even in the middle of a line."""
_RUN_ON = re.compile(
    r"(?<![A-Z_(])(?:"
    + "|".join(sorted(FIELDS, key=len, reverse=True))
    + r"):(?!:)|(?<=\s)Arg[1-4]: |(?<=\S)Followup: +\w|Debugging Details:"
)
_EMPHASIS = re.compile(r"\*\*(?=\S)([^*]{1,400})(?<=\S)\*\*")
_ESCAPED = re.compile(r"\\([_*`\[\]<>#|~-])")


def decode(raw: bytes) -> str | None:
    """Decode text of any usual encoding; None for what is no text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw[: len(raw) & ~1].decode("utf-16", "replace")
    elif len(raw) >= 8 and raw[1:64:2].count(0) * 4 >= len(raw[1:64:2]) * 3:
        text = raw[: len(raw) & ~1].decode("utf-16-le", "replace")
    elif len(raw) >= 8 and raw[:64:2].count(0) * 4 >= len(raw[:64:2]) * 3:
        text = raw[: len(raw) & ~1].decode("utf-16-be", "replace")
    else:
        text = _bytewise(raw)
    return None if text[:PROBED].count("\0") * 50 > len(text[:PROBED]) else text


def _bytewise(raw: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            if error.end >= len(raw) - 3:  # cut within a character
                return raw[: error.start].decode(encoding, "replace")
    return raw.decode("utf-8", "replace")


def text_of(view: BinaryView, size: int = MAX_BYTES) -> str | None:
    """Decode the beginning of a file, with HTML taken away; None when it is no text."""
    text = decode(view.read_up_to(0, min(size, MAX_BYTES)))
    if text is None:
        return None
    if "<" in text[:PROBED] and _TAG.search(text, 0, PROBED):
        text = _TAG.sub("", _BREAK.sub("\n", text))
    if _ENTITY.search(text):
        text = html.unescape(text)
    return text.replace("\0", " ")


def lines_of(text: str) -> list[str]:
    """Split into lines without quotation marks, Markdown's escapes; fields that were run together stand alone.

    A back-tick in an address stays one, whatever it had become, and a debugger's prompt becomes PROMPT.
    """
    found: list[str] = []
    for line in text.translate(_ODD_SPACE).replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        found.extend(_cleaned(line[:MAX_LINE]))
    return found


def _cleaned(line: str) -> list[str]:
    line = _PROMPT.sub(PROMPT, _QUOTE.sub("", line, count=1).strip(), count=1)
    if "\\" in line:
        line = _ESCAPED.sub(r"\1", line)
    line = _TICKS.sub("`", _EMPHASIS.sub(r"\1", line) if "**" in line and "***" not in line else line)
    starts = [match.start() for match in _RUN_ON.finditer(line)] if ":" in line else []
    if not starts or starts == [0]:
        return [line]
    cuts = [0, *(start for start in starts if start), len(line)]
    return [part for a, b in itertools.pairwise(cuts) if (part := line[a:b].strip())]
