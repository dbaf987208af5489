"""A bug check's code and parameters → what each means on this machine.

Source: knowledge/bugchecks.jsonl for meanings; modules, statuses and names of this dump for values.

Folklore: a small dump records 7E, 7F, 8E and EA with 0x10000000 added.  Statuses arrive sign-extended in 64-bit
parameters.  A code outside the reference may be a driver's own (an AMD display driver stops with A0000001).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bugcheck.dump.dump import Architecture
from bugcheck.knowledge.bugchecks import BugCheckCase, BugCheckKnowledge, ParameterMeaning, describe_bugcheck
from bugcheck.knowledge.kernel_names import irql_name
from bugcheck.knowledge.statuses import describe_status
from bugcheck.machine.modules import ModuleList, UnloadedModule
from bugcheck.records import dataclass

SMALL_DUMP_BIT = 0x1000_0000
_POINTER_ROLES = frozenset(
    ["address", "instruction", "module", "function", "object", "lock", "stack", "other", "dpc", "timer", "work_item"]
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of the four parameters.

    Attributes:
        value: as in the dump. meaning: what it is, "" when undocumented. role: the kind of value ("irql", …), or "".
        resolved: its value in words ("DISPATCH_LEVEL", "ks+0x1ae9"), or None.
    """

    value: int
    meaning: str
    role: str
    resolved: str | None


@dataclass(frozen=True, slots=True)
class BugCheck:
    """Why the system stopped, as it said itself.

    Attributes:
        code: without the small-dump bit. recorded_code: as the dump has it.
        name: "DRIVER_IRQL_NOT_LESS_OR_EQUAL"; for unknown codes "UNKNOWN_BUGCHECK_0x…".
        summary: one sentence; subtype: what the selecting parameter says, or "".
        category: what such checks are usually about ("driver", "memory", "manual", …); a hint, no verdict.
    """

    code: int
    recorded_code: int
    name: str
    summary: str
    subtype: str
    category: str
    parameters: tuple[Parameter, Parameter, Parameter, Parameter]
    documented: bool

    def parameter(self, role: str) -> Parameter | None:
        """First parameter with this role."""
        return next((parameter for parameter in self.parameters if parameter.role == role), None)

    @property
    def is_manual(self) -> bool:
        """Tell whether a person or a tool stopped the system on purpose."""
        return self.category == "manual"


@dataclass(frozen=True)
class ValueNames:
    """What is needed to put parameter values into words."""

    architecture: Architecture
    modules: ModuleList
    unloaded_modules: tuple[UnloadedModule, ...]
    objects: Mapping[int, str]
    """Addresses of known objects (the current thread, its process) → their names."""

    def place(self, address: int) -> str | None:
        """Write an address as module+offset, as a known object, or as part of an unloaded module."""
        if address in self.objects:
            return self.objects[address]
        found = self.modules.resolve(address)
        if found is None:
            gone = next((module for module in self.unloaded_modules if address in module), None)
            found = f"unloaded {gone.name}+{address - gone.base:#x}" if gone else None
        return found


def explain(code: int, values: tuple[int, int, int, int], names: ValueNames) -> BugCheck:
    """Explain a bug check with its four parameters."""
    knowledge = describe_bugcheck(code)
    if knowledge is None:
        return _undocumented(code, values, names)
    case = knowledge.case(values)
    parameters = [_parameter(value, meaning, names) for value, meaning in zip(values, case.parameters, strict=True)]
    return _documented(code, knowledge, case, parameters)


def _documented(code: int, knowledge: BugCheckKnowledge, case: BugCheckCase, parameters: list[Parameter]) -> BugCheck:
    first, second, third, fourth = parameters
    return BugCheck(
        code=code & ~SMALL_DUMP_BIT if knowledge.minidump_variant else code,
        recorded_code=code,
        name=knowledge.name,
        summary=knowledge.summary,
        subtype=case.meaning or "",
        category=knowledge.category_hint,
        parameters=(first, second, third, fourth),
        documented=True,
    )


def _undocumented(code: int, values: tuple[int, int, int, int], names: ValueNames) -> BugCheck:
    first, second, third, fourth = (Parameter(value, "", "", names.place(value)) for value in values)
    return BugCheck(
        code=code,
        recorded_code=code,
        name=f"UNKNOWN_BUGCHECK_{code:#x}",
        summary="This code is in no public list; a driver may have made it up.",
        subtype="",
        category="unknown",
        parameters=(first, second, third, fourth),
        documented=False,
    )


def _parameter(value: int, meaning: ParameterMeaning | None, names: ValueNames) -> Parameter:
    if meaning is None:
        return Parameter(value, "", "", names.place(value))
    resolver = _RESOLVERS.get(meaning.role or "")
    resolved = meaning.value_meaning or (resolver(value, names) if resolver else None)
    return Parameter(value, meaning.meaning, meaning.role or "", resolved)


def _place(value: int, names: ValueNames) -> str | None:
    return names.place(value)


def _irql(value: int, names: ValueNames) -> str | None:
    return irql_name(value, names.architecture.value) if value <= 31 else None


def _status(value: int, names: ValueNames) -> str | None:  # noqa: ARG001
    return describe_status(value) if value >> 32 in (0, 0xFFFF_FFFF) else None


def _tag(value: int, names: ValueNames) -> str | None:  # noqa: ARG001
    text = (value & 0x7FFF_FFFF).to_bytes(4, "little").decode("latin-1")
    return f"'{text}'" if text.isascii() and text.isprintable() and text.strip() else None


_RESOLVERS: Mapping[str, Callable[[int, ValueNames], str | None]] = {
    "irql": _irql,
    "ntstatus": _status,
    "exception_code": _status,
    "pool_tag": _tag,
    "process": _place,
    "thread": _place,
    **dict.fromkeys(_POINTER_ROLES, _place),
}
