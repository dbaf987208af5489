"""An Analysis, or what an incident has seen of a crash → CrashFacts.

Source: the open dump where there is one; else what `evidence/parsers/crash_dump.py` kept of it.

Folklore: a stack that ends at the system call (KiSystemService…, KiFastCallEntry, or frames of user mode behind it) or
at a thread's start shows every kernel function that was called; any other may have lost its outer end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bugcheck.evidence.evidence import CrashSeen, FindingSeen, ModuleSeen
from bugcheck.findings.address_kinds import is_kernel_address
from bugcheck.known_issues.situation import Call, CrashFacts, Fault
from bugcheck.records import replace
from bugcheck.stack.frame import Trust

if TYPE_CHECKING:
    from bugcheck.verdict.analysis import Analysis

FORCED = frozenset({0xE2, 0x80, 0x161})
"""Bug checks of a system that somebody stopped: by keyboard, by an NMI button, by a live dump's request."""
_OUTERMOST = ("kifastcallentry", "kisystemservice", "kisystemcall", "pspsystemthreadstartup", "kistartsystemthread",
              "kithreadstartup", "kistartuserthread", "pspuserthreadstartup")  # fmt: skip
_CONTROL_CODE = re.compile(r"\b0x([0-9a-f]{8}): ", re.IGNORECASE)
_BY_PARAMETER = {0x0A: (2, 0), 0xD1: (2, 0), 0x50: (1, 0)}
"""Bug check → index of the parameter that tells the access, and of the address."""
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}")
_OFFSET = re.compile(r"\+0x[0-9a-f]+$")
MOST_FRAMES = 256


def facts_of_seen(seen: CrashSeen, evidence: str = "") -> CrashFacts:
    """Take what conditions may ask out of a crash an incident has seen, and out of its open analysis if it has one."""
    names = [_OFFSET.sub("", name) for name in seen.stack[:MOST_FRAMES]]
    facts = CrashFacts(
        code=seen.code,
        parameters=seen.parameters,
        time=seen.time,
        module=seen.module,
        image=seen.image,
        level=seen.level,
        category=seen.category,
        process=seen.process,
        uptime=seen.uptime,
        modules=seen.modules,
        unloaded=seen.unloaded,
        stack=tuple(Call(name) for name in names if not name.startswith("0x")),
        whole_stack=_ends_outside(names) or _left_kernel(seen),
        findings=seen.findings,
        fault=_seen_fault(seen),
        control_codes=_told_codes(seen.findings),
        bucket=seen.bucket,
        signature=seen.signature,
        build=seen.build,
        architecture=_architecture(seen.architecture),
        effect="hang" if seen.manual or seen.code in FORCED else "crash",
        evidence=evidence,
        where=seen.where,
    )
    return facts if seen.analysis is None else _with_open_dump(facts, seen.analysis)


def facts_of_analysis(analysis: Analysis, evidence: str = "") -> CrashFacts:
    """Take what conditions may ask out of an analysed dump."""
    check, blame, process = analysis.bugcheck, analysis.blame, analysis.machine.process
    findings = tuple(
        FindingSeen(each.rule, each.statement, each.weight, each.category.value, each.module)
        for each in analysis.findings
    )
    facts = CrashFacts(
        code=check.code if check else None,
        parameters=tuple(each.value for each in check.parameters) if check else (),
        time=analysis.system.crash_time if analysis.system else None,
        module=blame.module,
        image=blame.image,
        level=blame.level,
        category=blame.category.value,
        process=process.name if process else "",
        uptime=analysis.system.uptime_seconds if analysis.system else None,
        modules=tuple(
            ModuleSeen(each.name, each.image, each.path, each.time_date_stamp, each.size, each.checksum)
            for each in analysis.modules
        ),
        unloaded=tuple(each.name for each in analysis.machine.unloaded_modules),
        findings=findings,
        control_codes=_told_codes(findings),
        effect="hang" if check and (check.is_manual or check.code in FORCED) else "crash",
        evidence=evidence,
        where=analysis.path,
    )
    return _with_open_dump(facts, analysis)


def _with_open_dump(facts: CrashFacts, analysis: Analysis) -> CrashFacts:
    """Add what only the open dump tells: the access, the stack with its words, the build, the architecture."""
    from bugcheck.findings.access import failed_access
    from bugcheck.verdict.signature import sign

    access, signature = failed_access(analysis.crash), sign(analysis.crash, analysis.blame)
    calls, whole = _calls(analysis)
    return replace(
        facts,
        fault=Fault(access.kind, access.address) if access else facts.fault,
        stack=calls or facts.stack,
        whole_stack=whole or facts.whole_stack,
        bucket=signature.failure_bucket_id or facts.bucket,
        signature=signature.own or facts.signature,
        build=analysis.system.build if analysis.system else facts.build,
        architecture=_architecture(analysis.machine.architecture.value),
    )


def _calls(analysis: Analysis) -> tuple[tuple[Call, ...], bool]:
    """Name the levels of the telling stack that were not guessed, and tell whether its outer end is there."""
    stack = analysis.crash.telling_stack
    frames = [frame for frame in (stack.frames[:MOST_FRAMES] if stack else ()) if frame.trust is not Trust.SCAN]
    calls = tuple(
        Call(f"{frame.module.name}!{frame.symbol}" if frame.symbol else frame.module.name, frame.arguments)
        for frame in frames
        if frame.module is not None
    )
    if not analysis.dump.is_kernel:
        return calls, False
    architecture = analysis.machine.architecture
    left_kernel = any(frame.ip and not is_kernel_address(frame.ip, architecture) for frame in frames[1:])
    return calls, left_kernel or _ends_outside([call.name for call in calls])


def _left_kernel(seen: CrashSeen) -> bool:
    """Tell whether the stack goes on in user mode, where levels have no module: addresses below the kernel's."""
    top = 1 << (31 if _architecture(seen.architecture) == "x86" else 47)
    addresses = [int(name, 16) for name in seen.stack[1:MOST_FRAMES] if _ADDRESS.fullmatch(name)]
    return seen.code is not None and any(0x1_0000 <= address < top for address in addresses)


def _architecture(name: str) -> str:
    return "x86" if name.startswith("x86") else name


def _ends_outside(names: Sequence[str]) -> bool:
    return any(name.rpartition("!")[2].casefold().startswith(_OUTERMOST) for name in names)


def _seen_fault(seen: CrashSeen) -> Fault | None:
    if seen.access:
        return Fault(seen.access, seen.access_address)
    return fault_of_parameters(seen.code, seen.parameters)


def _told_codes(findings: Sequence[FindingSeen]) -> tuple[int, ...]:
    told = [each.statement for each in findings if each.rule == "control_code_on_stack"]
    return tuple(dict.fromkeys(int(code, 16) for text in told for code in _CONTROL_CODE.findall(text)))


def fault_of_parameters(code: int | None, parameters: tuple[int, ...]) -> Fault | None:
    """The failed access as the bug check's parameters tell it (0A, D1, 50, BE, FC); None for other codes."""
    from bugcheck.findings.access import KIND_BY_CODE, access_word

    if code in _BY_PARAMETER and len(parameters) >= 3:
        access, address = _BY_PARAMETER[code]
        role = "access_type_50" if code == 0x50 else "access_type"
        return Fault(access_word(parameters[access] & 0xFF, role), parameters[address])
    if code in KIND_BY_CODE and parameters:
        return Fault(KIND_BY_CODE[code], parameters[0])
    return None
