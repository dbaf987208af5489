"""A name → whether it can be a function's.

Source: "Decorated Names" (Microsoft documentation) and LLVM's MicrosoftMangle for the prefixes of compiler-made data;
the public names of eleven ntkrnlmp.pdb in Volatility tables, sorted into sections by the image's own headers.

Tables without types or sizes name code and data alike.  The nearest name below an address is the function that covers
it only when it is a function's.  Two kinds of names are none:

    constant  data that linkers put between functions: a string literal, a table.  Code behind it has no name.
    label     a place inside a function (`$$0`, `$LN12`): the function's own name lies further below.
"""

from __future__ import annotations

REACH = 0x8000
"""Longest distance, in bytes, from a function's start at which its name is still believed.

The largest function of ntkrnlmp.pdb 10.0.19041.804 spans 0x4510 bytes; stretches without names begin at 0xef00.
"""

_CONSTANT_STARTS = (
    "??_C@",  # string literal
    "??_7",  # vftable
    "??_8",  # vbtable
    "??_R",  # run-time type information
    "_imp_",
    "__imp_",
    "_IMPORT_DESCRIPTOR",
    "__IMPORT_DESCRIPTOR",
    "_NULL_IMPORT_DESCRIPTOR",
    "__NULL_IMPORT_DESCRIPTOR",
    "__xmm@",
    "__ymm@",
    "__real@",
    "__mask@",
    "_xmm",
    "_real@",
    "_@@_PchSym_",
    "_TI",
    "_CTA",
    "_CT??",
    "WPP_ThisDir_",
    "__guid_",
    "_guid_",
)
_CONSTANT_ENDS = ("_NULL_THUNK_DATA", "_icall_fptr", "_fids_table", "_iat_table", "_longjmp_table", "_ehcont_table")
_TABLES = ("__guard_", "_guard_", "guard_")


def is_label(name: str) -> bool:
    """Tell whether a name marks a place inside a function or its unwind data."""
    return name.startswith("$")


def is_constant(name: str) -> bool:
    """Tell whether a name belongs to data that compilers and linkers make."""
    if name.startswith(_CONSTANT_STARTS):
        return True
    return name.endswith(_CONSTANT_ENDS) or (name.startswith(_TABLES) and name.endswith(("_table", "_count", "_flags")))


def is_function_name(name: str) -> bool:
    """Tell whether a name can be a function's."""
    return not is_label(name) and not is_constant(name)
