"""Names as linkers know them → names as people write them.

Source: "Decorated Names" (Microsoft C++ documentation) for the C forms and the scopes of C++ names; the Itanium C++
ABI, "External Names", for `_Z`.  Whole C++ names are taken apart by pycxxfilt (LLVM's demanglers), which has no
wheel for Windows on ARM.

Folklore:
    A leading underscore belongs to the name on x64 and ARM, and to the calling convention on x86 only.
    `__imp__X@4` is the import pointer of x86 and `__imp_X` that of x64; both become `__imp_X`.
    Back-references make short names expand without end: eight parameters that repeat one type of eight parameters, and
    so on, turn 101 characters into nine million.  Names are only handed to the demangler when they cannot.
    Procedure records already hold plain names, publics hold decorated ones: the short form is chosen to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bugcheck.symbols.symbols import Symbol

NAME_LIMIT = 4096
"""Longest decorated name, in characters, that is taken apart; the compilers cut theirs at that length too."""

EXPANSION_LIMIT = 1 << 14
"""Most characters that a name may come to when all its back-references are followed."""

DEMANGLED_LIMIT = 1 << 27
"""Characters of all demangled declarations of one file."""

_IMPORT = "__imp_"
_DIGITS = "0123456789"
_SEQUENCE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONVENTIONS = ("__cdecl ", "__thiscall ", "__stdcall ", "__fastcall ", "__vectorcall ", "__clrcall ", "__swift_1 ")
_OPEN = {"<": ">", "(": ")", "`": "'", "{": "}"}


class Demangler:
    """pycxxfilt with a budget, for those who undecorate many names of one file.

    Attributes:
        left: characters it may still come to; when they are used up, names are read as if it were not installed.
    """

    def __init__(self, budget: int = DEMANGLED_LIMIT) -> None:
        """Start with a budget in characters of demangled declarations."""
        self.left = budget
        try:
            library = import_module("pycxxfilt")
        except ImportError:
            self._demanglers: tuple[Callable[[str], str | None], Callable[[str], str | None]] | None = None
        else:
            self._demanglers = (library.msvc_demangle, library.itanium_demangle)

    def __call__(self, name: str) -> str:
        """Demangle a name; "" when that is not possible, not understood, or might not come back."""
        is_microsoft = name.startswith("?")
        repeats = _microsoft_repeats(name) if is_microsoft else _itanium_repeats(name)
        if self._demanglers is None or self.left <= 0 or repeats * len(name) > EXPANSION_LIMIT:
            return ""
        try:
            declaration = self._demanglers[0 if is_microsoft else 1](name.removeprefix("_" * name.startswith("__Z")))
        except ValueError:  # no name of that kind
            return ""
        if declaration is None:
            return ""
        self.left -= len(declaration)
        return declaration if len(declaration) <= 2 * NAME_LIMIT else ""


def undecorate(name: str, *, full: bool = False, x86: bool = False, demangler: Demangler | None = None) -> str:
    """Undecorate a name; what is not decorated, or not understood, comes back as it is.

    Args:
        name: as the symbol record or export table has it.
        full: the whole declaration of a C++ name, with return type and parameters, instead of `scope::name`.
        x86: the image is for x86, where C functions carry a leading underscore.
        demangler: for C++ names that are not plain; one of its own when not given.
    """
    if len(name) > NAME_LIMIT:
        return name
    if name.startswith(_IMPORT) and len(name) > len(_IMPORT):
        rest = name[len(_IMPORT) :]
        return _IMPORT + undecorate(rest, full=full, x86=x86 or "@" in rest, demangler=demangler)
    if name.startswith("?"):
        return _microsoft(name, full, demangler)
    if name.startswith(("_Z", "__Z", "_R")):
        return _itanium(name, full, demangler) or _plain_c(name, x86)
    return _plain_c(name, x86)


def full_name(symbol: Symbol) -> str:
    """Write a symbol's whole declaration, with return type and parameters, where its decorated name tells it."""
    return undecorate(symbol.decorated, full=True) if symbol.decorated.startswith(("?", "_Z")) else symbol.name


def _plain_c(name: str, x86: bool) -> str:
    """Undecorate `_Name@12`, `@Name@8`, `Name@@16` and, on x86, `_Name`."""
    head, at, digits = name.rpartition("@")
    if at and digits and not digits.strip(_DIGITS) and len(head) > 1:
        if head.endswith("@") and head[0] != "@":
            return head[:-1]
        if head[0] in "_@" and "@" not in head[1:]:
            return head[1:]
    return name[1:] if x86 and name.startswith("_") and len(name) > 1 else name


def _microsoft(name: str, full: bool, demangler: Demangler | None) -> str:
    if not full:
        scoped = _microsoft_scopes(name)
        if scoped:
            return scoped
    declaration = (demangler or Demangler())(name)
    if not declaration:
        return name
    return declaration if full else _short(declaration)


def _itanium(name: str, full: bool, demangler: Demangler | None) -> str:
    declaration = (demangler or Demangler())(name)
    if declaration:
        return declaration if full else _short(declaration)
    return _itanium_scopes(name)


def _microsoft_repeats(name: str) -> int:
    """Bound how often a part of a `?` name can be repeated.

    Digits outside the names of lambdas repeat parameters, and only function types (`P6`, `P8`, …) hold parameters
    that hold parameters.
    """
    bound, digits, quoted = 1, 0, False
    for character in name:
        quoted = character == "<" or (quoted and character != ">")
        digits += character in _DIGITS and not quoted
        if character in "68" and not quoted:
            bound, digits = bound * (1 + digits), 0
    return bound * (1 + digits)


def _itanium_repeats(name: str) -> int:
    """Bound how often a part of a `_Z` or `_R` name can be repeated: n references nest best in threes, 3**(n/3)."""
    references = name.count("B") if name.startswith("_R") else 0
    for position, character in enumerate(name):
        references += character in "ST" and name[position + 1 :].lstrip(_SEQUENCE).startswith("_")
    return 3 ** (references // 3)


def _microsoft_scopes(name: str) -> str:
    """Read `?name@inner@outer@@…` without templates, operators and back-references; "" for anything beyond that.

    `??0Class@…` and `??1Class@…`, constructors and destructors, are read too.
    """
    special = name[:3] if name[1:3] in ("?0", "?1") else ""
    scopes, end, _ = name[3 if special else 1 :].partition("@@")
    parts = scopes.split("@")
    if not end or not all(part.replace("$", "_").isidentifier() for part in parts):
        return ""
    if special:
        parts.insert(0, parts[0] if special == "??0" else "~" + parts[0])
    return "::".join(reversed(parts))


def _itanium_scopes(name: str) -> str:
    """Read `_Z` names that consist of lengths and identifiers only; "" for anything beyond that."""
    rest = name.lstrip("_")[1:]
    nested = rest.startswith("N")
    rest = rest[1:].lstrip("K") if nested else rest
    parts: list[str] = []
    while rest[:1].isdigit():
        digits = rest[: len(rest) - len(rest.lstrip(_DIGITS))]
        end = len(digits) + int(digits[:6])
        part, rest = rest[len(digits) : end], rest[end:]
        if not part.isidentifier():
            return ""
        parts.append(part)
        if not nested:
            break
    return "::".join(parts) if parts and (rest.startswith("E") or not nested) else ""


def _short(declaration: str) -> str:
    """Cut a demangled declaration down to the qualified name."""
    if declaration.startswith(('"', 'L"', 'u"', 'U"')):
        return "`string'"
    start = max((_after(declaration, word) for word in _CONVENTIONS), default=0)
    rest = declaration[start:]
    name = rest[: _name_end(rest)]
    return _spell(name[_name_start(name) :]) or declaration


def _spell(name: str) -> str:
    """Spell template arguments and destructors as Microsoft's tools and procedure records do."""
    name = name.replace(" dtor'", " destructor'").replace(", ", ",").replace(" const,", " const ,")
    for before in "<,(":
        for word in ("struct ", "class ", "union ", "enum "):
            name = name.replace(before + word, before)
    return "operator>>".join([part.replace(">>", "> >").replace(">>", "> >") for part in name.split("operator>>")])


def _after(text: str, word: str) -> int:
    """Find the first place outside all brackets that follows `word`; 0 when there is none."""
    depth = 0
    for position, character in enumerate(text):
        if depth == 0 and text.startswith(word, position):
            return position + len(word)
        depth += (character in _OPEN) - (depth > 0 and character in ">)'}")
    return 0


def _name_end(text: str) -> int:
    """Find the parenthesis that opens the parameters; the text's length when it has none."""
    position, depth = 0, 0
    while position < len(text):
        if depth == 0 and text.startswith("operator", position):
            position = _operator_end(text, position + len("operator"))
            continue
        character = text[position]
        if depth == 0 and character == "(" and position and not text.startswith("(anonymous namespace)", position):
            return position
        depth += (character in _OPEN) - (depth > 0 and character in ">)'}")
        position += 1
    return len(text)


def _operator_end(text: str, position: int) -> int:
    """Step over the signs of an operator's name, so that `operator()` and `operator<` open no bracket."""
    if text.startswith("()", position):
        return position + 2
    while position < len(text) and text[position] in "<>=!+-*/%^&|~,[]":
        position += 1
    return position


def _name_start(text: str) -> int:
    """Find where the last word outside all brackets begins; conversion operators keep their type."""
    start, depth = 0, 0
    for position, character in enumerate(text):
        if depth == 0 and character == " ":
            if text.startswith("operator", start) or "::operator" in text[start:position]:
                break
            start = position + 1
        depth += (character in _OPEN) - (depth > 0 and character in ">)'}")
    return start
