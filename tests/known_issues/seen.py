"""What an incident keeps of an analysed crash, put together by hand: its parser is tested elsewhere."""

from __future__ import annotations

from bugcheck.api import Analysis
from bugcheck.evidence.evidence import CrashSeen, FindingSeen, ModuleSeen


def seen_of(analysis: Analysis) -> CrashSeen:
    """A CrashSeen without the analysis itself."""
    check, blame, system = analysis.bugcheck, analysis.blame, analysis.system
    assert check is not None
    assert system is not None
    stack = analysis.crash.telling_stack
    process = analysis.machine.process
    return CrashSeen(
        time=system.crash_time,
        code=check.code,
        name=check.name,
        parameters=tuple(each.value for each in check.parameters),
        signature="",
        bucket="",
        headline=analysis.headline,
        level=blame.level,
        confidence=blame.confidence,
        category=blame.category.value,
        module=blame.module,
        image=blame.image,
        process=process.name if process else "",
        uptime=system.uptime_seconds,
        manual=check.is_manual,
        modules=tuple(
            ModuleSeen(each.name, each.image, each.path, each.time_date_stamp, each.size, each.checksum)
            for each in analysis.modules
        ),
        unloaded=tuple(each.name for each in analysis.machine.unloaded_modules),
        stack=tuple(frame.name.partition("+")[0] for frame in stack.frames) if stack else (),
        findings=tuple(
            FindingSeen(each.rule, each.statement, each.weight, each.category.value, each.module)
            for each in analysis.findings
        ),
        where=analysis.path,
        os=f"{system.os} ({system.build})",
    )
