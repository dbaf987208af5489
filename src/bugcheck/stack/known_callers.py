"""A function of nt → functions known to call it: how exceptions and bug checks travel through the kernel.

Source: common knowledge of kernel stacks, and the hand-picked chain of one real dump (nt_expected_symbols.jsonl of the
corpus) that shows five of these pairs.  The table is neither complete nor checked against every build of Windows, so it
only prefers a caller and never rules one out.

Folklore: these frames hold the largest gaps of any kernel stack (RtlDispatchException keeps more than 1,800 bytes, much
of it never written), so the words between them are nearly all left over from earlier calls.  Small dumps lack the code
bytes there; the names alone tell the chain from the rest.
"""

from __future__ import annotations

_HANDLER_RUNNERS = ("RtlpExecuteHandlerForException", "RtlpExecuteHandlerForUnwind")

KNOWN_CALLERS: dict[str, tuple[str, ...]] = {
    "_C_specific_handler": _HANDLER_RUNNERS,
    "__C_specific_handler": _HANDLER_RUNNERS,
    "__GSHandlerCheck_SEH": _HANDLER_RUNNERS,
    "_GSHandlerCheck_SEH": _HANDLER_RUNNERS,
    "RtlpExecuteHandlerForException": ("RtlDispatchException",),
    "RtlpExecuteHandlerForUnwind": ("RtlUnwindEx",),
    "RtlDispatchException": ("KiDispatchException", "RtlRaiseException", "RtlRaiseStatus"),
    "KiDispatchException": (
        "KiExceptionDispatch",
        "KiFastFailDispatch",
        "KiRaiseException",
        "KiDispatchExceptionOnExceptionStack",
    ),
    "KiExceptionDispatch": (
        "KiPageFault",
        "KiGeneralProtectionFault",
        "KiSegmentNotPresentFault",
        "KiStackFault",
        "KiInvalidOpcodeFault",
        "KiDivideErrorFault",
        "KiBoundFault",
        "KiOverflowTrap",
        "KiBreakpointTrap",
        "KiDebugTrapOrFault",
        "KiAlignmentFault",
        "KiFloatingErrorFault",
        "KiXmmException",
        "KiNpxSegmentOverrunAbort",
        "KiInvalidTssFault",
        "KiNpxNotAvailableFault",
        "KiControlProtectionFault",
        "KiRaiseAssertion",
        "KiDebugServiceTrap",
        "KiVirtualizationException",
    ),
    "KiBugCheckDispatch": (
        "KiPageFault",
        "KiFastFailDispatch",
        "KiDoubleFaultAbort",
        "KiGeneralProtectionFault",
        "KiInvalidOpcodeFault",
        "KiNmiInterrupt",
        "KiMcheckAbort",
        "KiSystemServiceExit",
        "KiSystemServiceHandler",
    ),
    "KiFastFailDispatch": ("KiRaiseSecurityCheckFailure",),
    "PspSystemThreadStartup": ("KiStartSystemThread", "KxStartSystemThread"),
    "ExpWorkerThread": ("PspSystemThreadStartup",),
    "MmAccessFault": ("KiPageFault",),
    "KiRetireDpcList": ("KiIdleLoop", "KxRetireDpcList", "KiDispatchInterruptContinue"),
    "KiExecuteAllDpcs": ("KiRetireDpcList",),
}
"""Callee → callers, by undecorated name.  Others may call it too; a caller that is named here is believed first."""
