"""What mail, forums, browsers and consoles do to a log changes nothing that is read from it.

Expected: the same log undamaged, whose reading test_logs.py checks.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.log.decode import decode
from bugcheck.dump.log.read import read_logs
from bugcheck.findings.findings import Crash
from bugcheck.machine.machine import Machine
from tests.dump.log.texts import ELEVEN, LOGS, SEVEN, XP

TICKS = re.compile(r"(?<=[0-9a-f]{8})`(?=[0-9a-f]{8})")
Damage = Callable[[str], str | bytes]


def digest(text: str | bytes) -> object:
    """All that is read from the one log in a text, but for wording and machine, which damage may take away."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8")
    [dump] = read_logs(BinaryView(raw, "log.txt"))
    machine = Machine(dump)
    crash, log = Crash(machine), dump.log
    assert log is not None
    check, context = machine.bugcheck, crash.context
    return (
        machine.architecture,
        (check.recorded_code, [parameter.value for parameter in check.parameters]) if check else None,
        machine.exception,
        (context.source, dict(context.registers)) if context else None,
        [frame._replace(warning="") for frame in log.frames],
        (log.process_name, log.irql),
        {(module.name, module.image, module.time_date_stamp) for module in machine.modules},
        [log.field(name) for name in ("BUGCHECK_STR", "FAILURE_BUCKET_ID", "SYMBOL_NAME", "STACK_COMMAND")],
    )


def quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def wrapped(text: str, width: int) -> str:
    """Break lines between words as mailers do; such lines lose their columns."""
    return "\n".join(
        textwrap.fill(line, width, break_on_hyphens=False) if line.strip() else "" for line in text.split("\n")
    )


def as_html(text: str) -> str:
    lines = (html.escape(line).replace("`", "&#96;").replace("  ", "&nbsp; ") for line in text.split("\n"))
    return f"<html><body><p>Hello,</p><pre>{'<br>'.join(lines)}</pre></body></html>"


def with_coloured_fields(text: str) -> str:
    return re.sub(r"^([A-Z_0-9]+):", r'<span style="color: #f00">\1</span>:', html.escape(text), flags=re.MULTILINE)


def in_markdown(text: str) -> str:
    return re.sub(r"([_*`])", r"\\\1", text.replace("*" * 79, ""))


def in_bold(text: str) -> str:
    return re.sub(r"^([A-Z_]{5,}: +)(\S.*)$", r"\1**\2**", text, flags=re.MULTILINE)


DAMAGES: dict[str, Damage] = {
    "quoted": quoted,
    "quoted thrice": lambda text: quoted(quoted(quoted(text))),
    "in a comment of a source file": lambda text: "\n".join(f"// {line}" for line in text.split("\n")),
    "in a comment of a script": lambda text: "\n".join(f"# {line}" for line in text.split("\n")),
    "indented": lambda text: textwrap.indent(text, "    "),
    "without empty lines": lambda text: re.sub(r"\n+", "\n", text),
    "with empty lines between all": lambda text: text.replace("\n", "\n\n"),
    "blanks folded": lambda text: re.sub(r" +", " ", text),
    "tabs": lambda text: text.replace("  ", "\t"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "blanks at line ends": lambda text: text.replace("\n", "   \n"),
    "back-ticks lost": lambda text: TICKS.sub("", text),
    "back-ticks are apostrophes": lambda text: TICKS.sub("'", text),
    "back-ticks are quotation marks": lambda text: TICKS.sub("\u2018", text),
    "entities": lambda text: html.escape(text).replace("`", "&#x60;"),
    "HTML": as_html,
    "coloured HTML": with_coloured_fields,
    "Markdown": in_markdown,
    "bold values": in_bold,
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without mark": lambda text: text.encode("utf-16-le"),
    "UTF-8 with mark": lambda text: text.encode("utf-8-sig"),
    "in Chinese, GBK": lambda text: f"服务器又重启了,分析结果如下:\n{text}\n请帮忙看看。".encode("gbk"),
    "in Chinese, Big5": lambda text: f"伺服器又重新開機了,分析結果如下:\n{text}\n".encode("big5"),
    "in Russian, 1251": lambda text: f"Сервер перезагрузился, вот анализ:\n{text}\n".encode("cp1251"),
    "no-break spaces": lambda text: text.replace("  ", "\u00a0 "),
    "cut behind the registers": lambda text: text.replace("Resetting default scope", "[...]"),
    "cut between fields": lambda text: text.replace("CUSTOMER_CRASH_COUNT:  1", "[...]"),
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_changes_nothing(damage: str, name: str) -> None:
    assert digest(DAMAGES[damage](LOGS[name])) == digest(LOGS[name])


# the status of EXCEPTION_CODE in the debugger's language
@pytest.mark.parametrize(
    "status",
    [
        '(NTSTATUS) 0xc0000005 - "0x%08lx" "0x%08lx" "%s"',
        "(NTSTATUS) 0xc0000005 - 0x%p 处的指令引用了 0x%p 处的内存。该内存不能为 %s。",
        "(NTSTATUS) 0xc0000005 - Инструкция по адресу 0x%08lx обратилась к памяти по адресу 0x%08lx.",
        "(NTSTATUS) 0xc0000005 - L'istruzione a 0x%p ha fatto riferimento alla memoria a 0x%p.",
        "(NTSTATUS) 0xc0000005 - 0x%p の命令が 0x%p のメモリを参照しました。",
        "(NTSTATUS) 0xc0000005 (3221225477) - A instrução no 0x%p fez referência à memória no 0x%p.",
        "(NTSTATUS) 0xc0000005 - <Unable to get error code text>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_statuses_of_any_language(status: str, encoding: str) -> None:
    text = re.sub(r"^EXCEPTION_CODE: .*$", lambda _: f"EXCEPTION_CODE: {status}", LOGS["user"], flags=re.MULTILINE)
    text = text[: text.index("EXCEPTION_RECORD")] + text[text.index("PROCESS_NAME") :]
    [dump] = read_logs(BinaryView(text.encode(encoding), "log.txt"))
    exception = Machine(dump).exception
    assert exception is not None
    assert (exception.code, exception.address) == (0xC0000005, 0x412B3F)


def test_an_offset_wrapped_in_its_middle() -> None:
    text = XP.replace("nt!KiDispatchException+0x3b1", "nt!KiDispatchException+0x3\nb1").replace("+0x4d", "+0x\n4d")
    assert digest(text) == digest(XP)


def test_remarks_behind_levels() -> None:
    text = SEVEN.replace("slowflt!SlowPostCreate+0x74\nfff", "slowflt!SlowPostCreate+0x74    <-- look here\nfff")
    assert digest(text) == digest(SEVEN)


def test_numbered_levels() -> None:
    head, stack, tail = re.split(r"(?<=STACK_TEXT:\n)|(?=\n\nSTACK_COMMAND)", XP)
    numbered = (
        f"{number:02x} {line}" if line[0] != "W" else line for number, line in enumerate(stack.strip().split("\n"))
    )
    assert digest(head + "\n".join(numbered) + "\n" + tail) == digest(XP)


def test_source_files_are_no_part_of_names() -> None:
    [dump] = read_logs(BinaryView(LOGS["user"].encode(), "log.txt"))
    assert dump.log is not None
    assert [frame.function for frame in dump.log.frames][:2] == ["SaveAll", "MainWindow"]


def test_fields_run_together() -> None:
    # what a blog makes of lines: words of one field and the next on one line
    text = XP.replace("\n\nBUGCHECK_STR:", " BUGCHECK_STR:").replace("\n\nPROCESS_NAME:", " PROCESS_NAME:")
    assert digest(text.replace("\n\nCURRENT_IRQL:", " CURRENT_IRQL:")) == digest(XP)


# --- properties ---

TEXTS = st.sampled_from(sorted(LOGS))
QUIET = settings(deadline=None, max_examples=25)


@given(name=TEXTS, width=st.integers(60, 160))
@QUIET
def test_wrapping_at_any_width(name: str, width: int) -> None:
    assert digest(wrapped(LOGS[name], width)) == digest(LOGS[name])


@given(name=TEXTS, depth=st.integers(0, 4), indent=st.integers(0, 8), ending=st.sampled_from(["\n", "\r\n", "\n\n"]))
@QUIET
def test_quoting_at_any_depth(name: str, depth: int, indent: int, ending: str) -> None:
    lines = (">" * depth + " " * indent + line for line in LOGS[name].split("\n"))
    assert digest(ending.join(lines)) == digest(LOGS[name])


@given(text=st.text(st.characters(codec="utf-8"), max_size=200), name=TEXTS)
@QUIET
def test_words_before_and_behind(text: str, name: str) -> None:
    words = re.sub(r"[A-Z]{3,}|[>\d<&(]", "", text)
    assert digest(f"{words}\n\n{LOGS[name]}\n\n{words}\n") == digest(LOGS[name])


@given(at=st.integers(0, len(ELEVEN)), size=st.integers(0, 400), name=TEXTS)
@QUIET
def test_a_cut_anywhere_is_survived(at: int, size: int, name: str) -> None:
    text = LOGS[name]
    for dump in read_logs(BinaryView((text[:at] + "\n[...]\n" + text[at + size :]).encode(), "log.txt")):
        assert Crash(Machine(dump)).dump is dump


@given(raw=st.binary(max_size=400))
@QUIET
def test_any_bytes_decode_or_are_no_text(raw: bytes) -> None:
    assert decode(raw) is None or isinstance(decode(raw), str)
    assert read_logs(BinaryView(raw, "log.txt")) == []
