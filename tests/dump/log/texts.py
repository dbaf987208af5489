"""Debuggers' logs of several times, written for these tests (data/*.txt): what each tells stands in `TOLD`.

The layout is that of the debuggers of the time (docs/logs-read.md names real ones); machines, drivers and numbers are
invented.  xp.txt is a console log from its beginning, the others are what people paste: seven with a German status,
user with a status of which only the inserts are left.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Told(NamedTuple):
    """What a log tells: `code` 0 for one of a process, `frame` a level as (index, ip, name); `levels`: not inlined."""

    architecture: str
    code: int
    parameters: tuple[int, ...]
    exception: tuple[int, int] | None
    process: str
    irql: int | None
    source: str
    registers: dict[str, int]
    levels: int
    frame: tuple[int, int, str]
    module: tuple[str, str, int, int]
    build: int


LOGS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "data").glob("*.txt"))}
XP, SEVEN, ELEVEN, ARM64, USER = (LOGS[name] for name in ("xp", "seven", "eleven", "arm64", "user"))
TOLD = {
    "xp": Told(
        "x86", 0x1000008E, (0xC0000005, 0xF7A41C22, 0xF5D2A9B8, 0), (0xC0000005, 0xF7A41C22), "quietsvc.exe", 1,
        "trap frame 0xf5d2a9b8", {"eip": 0xF7A41C22, "esi": 0, "ebp": 0xF5D2AA48, "efl": 0x10246, "ss": 0x10}, 11,
        (5, 0xF7A40D4E, "quietdrv+0xd4e"), ("quietdrv", "quietdrv.sys", 0xF7A40000, 0x3F1A2B3C), 2600,
    ),
    "seven": Told(
        "x64", 0x3B, (0xC0000005, 0xFFFFF8800412AD34, 0xFFFFF88002F5E0C0, 0), (0xC0000005, 0xFFFFF8800412AD34),
        "explorer.exe", 0, "context record parameter 3",
        {"rip": 0xFFFFF8800412AD34, "r8": 0, "r14": 0xFFFFFA8004D01310, "cs": 0x10}, 8,
        (5, 0xFFFFF80002B87A38, "nt! ?? ::NNGAKEGL::`string'+0x2a7f4"), ("slowflt", "slowflt.sys", 0, 0x4C3F1A20), 7601,
    ),
    "eleven": Told(
        "x64", 0xD1, (0xFFFFA70F12345068, 2, 1, 0xFFFFF8054A6B1E40), None, "System", None,
        "trap frame 0xfffffd8c1f40f6a0", {"rax": 0xFFFFA70F12345000, "rip": 0xFFFFF8054A6B1E40}, 8,
        (3, 0xFFFFF8054A6B1E40, "netquick+0x1e40"), ("netquick", "netquick.sys", 0xFFFFF8054A6B0000, 0), 22621,
    ),
    "arm64": Told(
        "arm64", 0x7E, (0xFFFFFFFFC0000005, 0xFFFFF803C8072980, 0xFFFF8683633D2678, 0xFFFF8683633D21E0),
        (0xC0000005, 0xFFFFF803C8072980), "System", None, "context record parameter 4",
        {"x0": 0, "x8": 0xFFFF9B0FF1A2C000, "pc": 0xFFFFF803C8072980, "lr": 0xFFFFF803C8072A14}, 4,
        (1, 0xFFFFF803C8072A14, "padpro!PadWorker+0xb4"), ("padpro", "padpro.sys", 0, 0), 26100,
    ),
    "user": Told(
        "x86", 0, (), (0xC0000005, 0x412B3F), "", None, "exception", {"eip": 0x412B3F, "ecx": 0, "edx": 0x3A24E0}, 4,
        (1, 0x412C10, "notebook!MainWindow+0x90"), ("notebook", "notebook.exe", 0, 0), 9600,
    ),
}  # fmt: skip
