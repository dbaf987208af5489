"""Trust → how an instruction pointer is to be read: the next instruction to run, or a return address behind a call."""

from __future__ import annotations

from bugcheck.stack.frame import Trust

UNWINDING_WARNING = "WARNING: Stack unwind information not available. Following frames may be wrong."
"""As WinDbg words it."""


def is_exact(trust: Trust) -> bool:
    """Tell whether a frame's instruction pointer is the next instruction to run rather than a return address.

    A return address belongs to the instruction before it, so it is looked up one byte lower.
    """
    return trust in (Trust.CONTEXT, Trust.TRAP_FRAME)


def lookup_address(ip: int, trust: Trust) -> int:
    """Address by which a frame's module, function and line are found."""
    return ip if is_exact(trust) else max(0, ip - 1)
