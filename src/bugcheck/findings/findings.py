"""A Crash → Findings and Gaps: the types rules speak in, and the runner that asks them all.

A rule is one file with one decorator.  It reads the Crash, yields Findings it can cite, and yields a Gap where it
lacked what it needed; it never knows another rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.extensions import Registry, guarded
from bugcheck.gaps import Gap
from bugcheck.knowledge.drivers import DriverFacts, find_driver
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.code import FaultingCode, read_code
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.stack.stacks import NamedStack, fault_stack, stopped_stack


class Category(Enum):
    """What kind of thing is blamed."""

    DRIVER = "driver"
    HARDWARE = "hardware"
    SOFTWARE = "software"
    CORRUPTION = "corruption"
    CONFIGURATION = "configuration"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a statement can be checked.

    Attributes:
        kind: "parameter", "register", "memory", "field", "module", "frame", "bit" (the number of a changed bit).
        where: which one ("parameter 4", "rcx", "0xfffff805108776a0", "broken driver").
        value: what stands there, as text.
    """

    kind: str
    where: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement with its evidence.

    Attributes:
        rule: name of the rule that made it.
        statement: one sentence.
        weight: 0 to 1, how strongly it speaks for blaming `module` (or `category`); 0 for plain facts.
        citations: where to check it.
        module: debugger name of the module it accuses (with no weight: is about), or None.
        category: what it points at.
        refuted_by: what would show it wrong.
        clause: what the module did, to stand behind its name in a sentence ("wrote to a null pointer"); of a finding
            without weight the circumstance, to stand behind that ("while … asked it for something").
        how_sure: what of the weight the clause carries as well: 1 for what was recorded or seen, less for what an
            instruction is taken to be for, or for why something happened.
    """

    rule: str
    statement: str
    weight: float
    citations: tuple[Citation, ...]
    module: str | None = None
    category: Category = Category.UNKNOWN
    refuted_by: str = ""
    clause: str = ""
    how_sure: float = 1.0


class Crash:
    """The read-only bundle a rule may look at.

    Attributes:
        machine: the stopped machine. scan: whether stacks may be completed by scanning.
        images: program files given beside the dump, to be held against its modules.
    """

    def __init__(self, machine: Machine, *, scan: bool = True, images: Sequence[BinaryView] = ()) -> None:
        self.machine = machine
        self.scan = scan
        self.images = tuple(images)

    @property
    def dump(self) -> Dump:
        """The dump."""
        return self.machine.dump

    @property
    def memory(self) -> AddressSpace:
        """Virtual memory."""
        return self.machine.memory

    @property
    def modules(self) -> ModuleList:
        """Loaded modules."""
        return self.machine.modules

    @property
    def bugcheck(self) -> BugCheck | None:
        """The bug check, None for user dumps."""
        return self.machine.bugcheck

    @property
    def context(self) -> Context | None:
        """Registers at the fault."""
        return self.machine.fault_context

    @cached_property
    def stack(self) -> NamedStack | None:
        """The stack a debugger shows on opening: of the processor (or thread) that stopped."""
        return stopped_stack(self.machine, scan=self.scan)

    @cached_property
    def fault_stack(self) -> NamedStack | None:
        """The stack from the trap frame, context record or exception, where it differs from `stack`."""
        return fault_stack(self.machine, scan=self.scan)

    @cached_property
    def telling_stack(self) -> NamedStack | None:
        """The stack that explains: the fault's where there is one, else the stopped processor's."""
        return self.fault_stack or self.stack

    @cached_property
    def faulting_code(self) -> FaultingCode | None:
        """The faulting instruction, decoded, with what it touches; None where its bytes are not to be had."""
        address, context = self.faulting_address, self.context
        if address is None or context is None:
            return None
        return read_code(self.machine, address, context)

    @cached_property
    def faulting_address(self) -> int | None:
        """Address of the instruction at fault: a parameter's, the exception's, or the fault context's.

        None when the dump's registers are only those of the bug check itself.
        """
        parameter = self.bugcheck.parameter("instruction") if self.bugcheck else None
        if parameter is not None and parameter.value:
            return parameter.value
        if self.machine.exception is not None:
            return self.machine.exception.address
        context = self.context
        if context is not None and context is not self.machine.processor_context:
            return context.instruction_pointer
        return None

    def driver_facts(self, module: Module) -> DriverFacts | None:
        """What is publicly known of a module's file name."""
        return find_driver(module.image)


RuleFunction = Callable[[Crash], Iterable[Finding | Gap]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule: a name, the function, and its first docstring line."""

    name: str
    run: RuleFunction
    what: str


RULES: Registry[Rule] = Registry("rule", "bugcheck.findings.rules")


def rule(function: RuleFunction) -> RuleFunction:
    """Register the decorated function as a cross-cutting rule named like it."""
    name = getattr(function, "__name__", "rule")
    RULES.add(Rule(name, function, (function.__doc__ or "").partition("\n")[0]))
    return function


@dataclass(frozen=True, slots=True)
class BugCheckRule:
    """A rule for one bug check: its name, the codes it speaks for, the function, its first docstring line."""

    name: str
    codes: tuple[int, ...]
    run: RuleFunction
    what: str


BUGCHECK_RULES: Registry[BugCheckRule] = Registry("bug check rule", "bugcheck.findings.bugchecks")


def bugcheck_rule(*codes: int) -> Callable[[RuleFunction], RuleFunction]:
    """Register the decorated function as the rule for these bug check codes.

    The file is named like the first code's bug check, so that one crash loads one file, not all of them.
    """

    def register(function: RuleFunction) -> RuleFunction:
        name = getattr(function, "__name__", "rule")
        what = (function.__doc__ or "").partition("\n")[0]
        BUGCHECK_RULES.add(BugCheckRule(name, codes, function, what))
        return function

    return register


def rules_for(crash: Crash) -> list[Rule | BugCheckRule]:
    """All cross-cutting rules, and those made for this crash's bug check."""
    chosen: list[Rule | BugCheckRule] = list(RULES)
    check = crash.bugcheck
    if check is not None:
        BUGCHECK_RULES.load_one(check.name.removesuffix("_M").lower())
        chosen += [each for each in BUGCHECK_RULES.loaded() if check.code in each.codes]
    return chosen


def run_rules(crash: Crash) -> tuple[list[Finding], list[Gap]]:
    """Ask every rule; one that fails leaves a gap, the others go on."""
    findings: list[Finding] = []
    chosen = rules_for(crash)
    gaps = [Gap(f"rule {broken.module}", broken.error) for broken in (*RULES.broken, *BUGCHECK_RULES.broken)]
    for each in chosen:
        for answer in _run(each, crash):
            if isinstance(answer, Gap):
                gaps.append(answer)
            else:
                findings.append(answer)
    findings.sort(key=lambda finding: (-finding.weight, finding.rule, finding.statement))
    return findings, gaps


def _run(each: Rule | BugCheckRule, crash: Crash) -> Iterator[Finding | Gap]:
    question = f"what the rule {each.name} would say"
    return guarded(lambda: each.run(crash), lambda words: Gap(question, f"it failed: {words}"))
