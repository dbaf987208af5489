"""A text → a damaged one: what people, programs and chance do to a debugger's log, and what nobody does.

Every operation is drawn from the Random it is given, so a mutant is made again from its number.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable
from random import Random

MOST_OPERATIONS = 6
MOST_BYTES = 1 << 20
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "gb18030", "big5", "cp1251", "cp437", "shift_jis")
ODD = ("`", "\0", "\ufeff", "\u2028", "\x1b[2J", "\ud7ff", "👾", "ÿ", "&#96;", "<b>", "</pre>", "**", "> ", "\r", "\t")
NUMBERS = ("0", "ffffffff", "ffffffffffffffff", "f" * 40, "80000000", "7fffffffffffffff", "-1", "0x", "")
LINES = (
    "STACK_TEXT:", "FAILURE_BUCKET_ID:  X", "BUGCHECK_STR:  0x0", "Arg1: ffffffffffffffff", "TRAP_FRAME:  0",
    "BugCheck FFFFFFFF, {0, 0, 0, 0}", "KERNEL_SECURITY_CHECK_FAILURE (139)", "Followup: MachineOwner",
    "0: kd> !analyze -v", "(1.2): Access violation - code c0000005", "*** Fatal System Error: 0xffffffff",
    "Debug session time: Thu Feb 31 99:99:99.999 9999 (UTC + 99:99)", "System Uptime: 99999 days 99:99:99.999",
    "Windows 10 Kernel Version 99999 MP (9999 procs) Free x64", "Kernel base = 0xffffffffffffffff",
    "fffff800`00000000 fffff800`00000001   nt",
    "(Inline Function) --------`-------- : --------`-------- : nt!X", "WARNING: Stack unwind information not available",
)  # fmt: skip


def spoil(data: bytes, random: Random) -> bytes:
    """Damage a text in one to MOST_OPERATIONS ways, and encode it in whatever way."""
    text = data.decode("utf-8", "replace")
    for _ in range(random.randint(1, MOST_OPERATIONS)):
        text = random.choice(OPERATIONS)(text, random)[:MOST_BYTES]
    if random.random() < 0.2:
        raw = text.encode(random.choice(ENCODINGS), "replace")
        return raw[: random.randrange(len(raw) + 1)] if random.random() < 0.3 else raw
    return _flip(text.encode("utf-8", "replace"), random)


def _flip(raw: bytes, random: Random) -> bytes:
    """Change single bytes of every fifth text."""
    if not raw or random.random() < 0.8:
        return raw
    changed = bytearray(raw)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(text: str, random: Random) -> str:
    return text[: random.randrange(len(text) + 1)]


def _cut_out(text: str, random: Random) -> str:
    start = random.randrange(len(text) + 1)
    return f"{text[:start]}{random.choice(('', '[...]', chr(10)))}{text[start + random.randrange(2000) :]}"


def _repeat(text: str, random: Random) -> str:
    start = random.randrange(len(text) + 1)
    piece = text[start : start + random.randrange(1, 3000)]
    return text[:start] + piece * random.choice((2, 3, 20, 200)) + text[start:]


def _twice(text: str, random: Random) -> str:
    return text + random.choice(("", "\n", "-----\n")) + text


def _shuffle(text: str, random: Random) -> str:
    lines = text.split("\n")
    start = random.randrange(len(lines))
    some = lines[start : start + random.randint(2, 40)]
    random.shuffle(some)
    lines[start : start + len(some)] = some
    return "\n".join(lines)


def _drop_lines(text: str, random: Random) -> str:
    share = random.choice((0.02, 0.2, 0.7))
    return "\n".join(line for line in text.split("\n") if random.random() > share)


def _insert_line(text: str, random: Random) -> str:
    lines = text.split("\n")
    lines.insert(random.randrange(len(lines) + 1), random.choice(LINES))
    return "\n".join(lines)


def _insert_odd(text: str, random: Random) -> str:
    for _ in range(random.randint(1, 10)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(ODD) * random.choice((1, 1, 50)) + text[at:]
    return text


def _other_numbers(text: str, random: Random) -> str:
    words = text.split(" ")
    for _ in range(random.randint(1, 12)):
        at = random.randrange(len(words))
        if any(char.isdigit() for char in words[at]):
            words[at] = random.choice(NUMBERS)
    return " ".join(words)


def _delete_characters(text: str, random: Random) -> str:
    gone = random.choice("`:! \n+x0123456789abcdef_()=")
    return text.replace(gone, "") if random.random() < 0.5 else text.replace(gone, gone * 3)


def _wrap(text: str, random: Random) -> str:
    width = random.choice((8, 20, 40, 60, 72, 80))
    return "\n".join(textwrap.fill(line, width) if line.strip() else "" for line in text.split("\n"))


def _join_lines(text: str, random: Random) -> str:
    return text.replace("\n", random.choice((" ", "", "\n\n", "\r\n", "\n> ")))


def _escape(text: str, random: Random) -> str:
    return html.escape(text) if random.random() < 0.5 else text.replace("_", "\\_").replace("`", "\\`")


def _long_line(text: str, random: Random) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(("A", "f", " ", "<", "&", "::", "0 ", "> ", "a!b+0x1 ")) * 5000 + text[at:]


OPERATIONS: tuple[Callable[[str, Random], str], ...] = (
    _cut, _cut_out, _repeat, _twice, _shuffle, _drop_lines, _insert_line, _insert_odd, _other_numbers,
    _delete_characters, _wrap, _join_lines, _escape, _long_line,
)  # fmt: skip
