"""Lines of `k` and `kb` for every width; x86 is compared with a debugger engine's transcript in test_x86_story.py."""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.modules import Module
from bugcheck.stack.frame import Frame, Trust
from bugcheck.stack.render_kb import heading, render_k, render_kb

NT = Module("nt", "ntoskrnl.exe", "ntoskrnl.exe", 0xFFFFF80002A00000, 0x7000, 0, 0)
FIRST = Frame(
    0,
    0xFFFFF80002A01060,
    0xFFFFF80002A010C2,
    0xFFFFF88003005AA0,
    (0xD1, 0, 2),
    NT,
    "KeBugCheckEx",
    0,
    Trust.CONTEXT,
)
INLINED = Frame(
    1, 0xFFFFF80002A010C2, 0xFFFFF80002A01050, 0xFFFFF88003005AB0, (), NT, "Small", 0, Trust.INLINE, inline=True
)
LAST = Frame(2, 0x7FF712345678, 0, 0x12F0, (), None, None, 0, Trust.SCAN, warning="WARNING: so it is.")


def test_k_of_64_bit_machines() -> None:
    # Columns as in "k (Display Stack Backtrace)" of the debugger documentation.
    for architecture in (Architecture.X64, Architecture.ARM64):
        assert heading(architecture, arguments=False) == "Child-SP          RetAddr           Call Site"
        assert render_k([FIRST, INLINED, LAST], architecture) == [
            "fffff880`03005aa0 fffff800`02a010c2 nt!KeBugCheckEx",
            "(Inline Function) --------`-------- nt!Small",
            "WARNING: so it is.",
            "00000000`000012f0 00000000`00000000 0x7ff712345678",
        ]


def test_kb_of_64_bit_machines_has_four_words() -> None:
    zero = "00000000`00000000"
    assert render_kb([FIRST, LAST], Architecture.X64) == [
        f"fffff800`02a010c2 : 00000000`000000d1 {zero} 00000000`00000002 {zero} : nt!KeBugCheckEx",
        "WARNING: so it is.",
        f"{zero} : {zero} {zero} {zero} {zero} : 0x7ff712345678",
    ]
    above = heading(Architecture.X64, arguments=True)
    below = render_kb([FIRST], Architecture.X64)[0]
    assert above.index(": Call Site") == below.index(": nt!")


def test_32_bit_lines_have_three_words_and_zeros_for_missing_ones() -> None:
    frame = Frame(0, 0x401000, 0x402000, 0x12F380, (1,), None, None, 0, Trust.SCAN)
    for architecture in (Architecture.X86, Architecture.X86_PAE, Architecture.ARM32):
        assert render_kb([frame], architecture) == ["0012f380 00402000 00000001 00000000 00000000 0x401000"]
        assert render_k([frame], architecture) == ["0012f380 00402000 0x401000"]


def test_no_frames_no_lines() -> None:
    assert render_k([], Architecture.X86) == []
