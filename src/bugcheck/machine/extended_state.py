"""The part of an x64 CONTEXT behind its fixed layout → the shadow stack pointer.

Source: winnt.h (CONTEXT_XSTATE, CONTEXT_EX behind CONTEXT: three pairs of offset and length, of the whole, the legacy
and the extended part); Intel SDM volume 1, 13.4 and 13.5 (XSAVE header, compacted form, sizes of the components) and
volume 1, 17.2 (IA32_U_CET, IA32_PL3_SSP).

Folklore: only the compacted form can hold the shadow stack pointer; the components before it take their architectural
sizes, and none of them is aligned.
"""

from __future__ import annotations

from struct import Struct

CONTEXT_SIZE = 0x4D0
"""Of the fixed part of an x64 CONTEXT; CONTEXT_EX follows it."""
CONTEXT_XSTATE = 0x0010_0040
_FLAGS_AT = 0x30
_CONTEXT_EX = Struct("<iIiIiI")
_HEADER = Struct("<QQ")
_HEADER_SIZE = 64
_CET = Struct("<QQ")
_CET_COMPONENT = 11
_COMPACTED = 1 << 63
_SHADOW_STACK_ENABLED = 1
_SIZES = {2: 256, 3: 64, 4: 64, 5: 64, 6: 512, 7: 1024, 8: 128, 9: 8, 10: 8}
"""Component → bytes: AVX, BNDREGS, BNDCSR, opmask, ZMM_Hi256, Hi16_ZMM, PT, PKRU, PASID."""


def shadow_stack_pointer(context: bytes) -> int | None:
    """Read where the shadow stack's top is; None when the thread has none or the context does not tell."""
    if len(context) < CONTEXT_SIZE + _CONTEXT_EX.size:
        return None
    flags = int.from_bytes(context[_FLAGS_AT : _FLAGS_AT + 4], "little")
    *_, offset, length = _CONTEXT_EX.unpack_from(context, CONTEXT_SIZE)
    start = CONTEXT_SIZE + offset
    if flags & CONTEXT_XSTATE != CONTEXT_XSTATE or offset < _CONTEXT_EX.size or length < _HEADER_SIZE + _CET.size:
        return None
    if start + _HEADER_SIZE > len(context):
        return None
    held, layout = _HEADER.unpack_from(context, start)
    wanted = 1 << _CET_COMPONENT
    if not layout & _COMPACTED or not held & layout & wanted:
        return None
    at = start + _HEADER_SIZE + sum(size for number, size in _SIZES.items() if layout >> number & 1)
    if at + _CET.size > len(context):
        return None
    settings, pointer = _CET.unpack_from(context, at)
    return pointer if settings & _SHADOW_STACK_ENABLED and pointer and pointer % 8 == 0 else None
