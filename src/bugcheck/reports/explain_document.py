"""A code with its parameters, or a name → the Document that says what it means, without any dump.

Source: the knowledge files (bug checks, NTSTATUS, HRESULT, Win32, exception codes, IRQLs), each with its own source.

Folklore: people paste what a blue screen, an event log or a forum shows: `0x0000009f`, `9F`, `1000008e`,
`-1073741819`, `DRIVER_POWER_STATE_FAILURE`, `STATUS_ACCESS_VIOLATION`, `KERNEL_SECURITY_CHECK_FAILURE (139)`.  Digits
are hexadecimal, as everywhere in the debugger; only a minus sign means decimal.  One number may be a bug check and a
status (0xc000021a): both are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bugcheck.addresses import MASK64, format_address, format_hex, parse_address
from bugcheck.dump.dump import Architecture
from bugcheck.errors import UsageError
from bugcheck.knowledge.bugchecks import MINIDUMP_BIT, BugCheckKnowledge, all_bugchecks, describe_bugcheck
from bugcheck.knowledge.statuses import (
    describe_status,
    hresult_name,
    status_name,
    status_words,
    to_code,
    win32_name,
)
from bugcheck.knowledge.tables import table
from bugcheck.machine.bugcheck import Parameter, ValueNames, explain
from bugcheck.machine.modules import ModuleList
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table

MAX_CASES = 48
"""Meanings of a selecting parameter that are listed."""
CLOSEST = 4
NEAR = 0x20
"""Bug check codes listed as closest differ by no more."""
CATEGORIES = {
    "driver": "a driver's mistake",
    "system": "the system or a part of it that found itself in an impossible state",
    "hardware": "hardware: memory, processor, bus or firmware",
    "storage": "a disk, its cable, its controller or their drivers",
    "video": "the display driver or the graphics hardware",
    "filesystem": "a file system or its filters, or the disk under it",
    "security": "a security check that failed, or a protection that was broken",
    "configuration": "configuration: boot, registry, firmware tables",
    "power": "a power change that a device or driver did not finish",
    "memory": "damaged memory structures: a driver writing where it must not, or bad memory",
    "manual": "no crash: a person or a tool stopped the system on purpose",
    "verifier": "Driver Verifier, which caught a driver breaking a rule",
}
NAME_TABLES = ("ntstatus.tsv", "hresult.tsv", "win32.tsv")


def explain_code(code: str | int, parameters: Sequence[str | int] = (), architecture: str = "") -> Document:
    """Explain a bug check (number or name) with up to four parameters, or an NTSTATUS, HRESULT or Win32 error.

    A code or name that nobody knows gets the closest ones.

    Args:
        architecture: "x86", "x64", "arm64"…: which interrupt levels and address width the parameters have; "" guesses
            by the parameters' size.

    Raises:
        UsageError: a parameter is no number, there are more than four, the architecture is unknown.
    """
    values = [_number(value) for value in parameters]
    if len(values) > 4:
        raise UsageError(f"a bug check has four parameters, not {len(values)}")
    machine = _architecture(architecture) if architecture else _guessed(values)
    subject = f"{code:#x}" if isinstance(code, int) else code.strip()
    number = code if isinstance(code, int) else _code_of(subject)
    if number is None:
        return _unknown_name(subject)
    if not isinstance(code, int) and (named := _status_by_name(_bare(subject))):
        return Document(subject, tuple(_status(*named)))
    knowledge = describe_bugcheck(to_code(number)) if number >> 32 in (0, 0xFFFF_FFFF) else None
    if knowledge is None:
        return Document(subject, tuple(_no_bugcheck(to_code(number))))
    return Document(subject, tuple(_bugcheck(knowledge, values, machine)))


# --- reading what was typed ---


def _number(value: str | int) -> int:
    if isinstance(value, int):
        return value & MASK64
    text = value.strip().strip(",()[]")
    if text.startswith("-") and text[1:].isdigit():
        return int(text) & MASK64
    named = _status_by_name(_bare(text))
    return named[1] if named is not None else parse_address(text)


def _architecture(name: str) -> Architecture:
    try:
        return Architecture(name)
    except ValueError:
        known = ", ".join(each.value for each in Architecture)
        raise UsageError(f"no architecture {name!r}; known are {known}") from None


def _guessed(values: list[int]) -> Architecture:
    """32-bit machines pass no wider words, and most often a kernel address or status (both from 80000000 up)."""
    narrow = all(value <= 0xFFFF_FFFF for value in values) and any(value >= 0x8000_0000 for value in values)
    return Architecture.X86 if narrow else Architecture.X64


def _bare(text: str) -> str:
    """A name as the tables have it: of `NAME (9f)` the name, upper case."""
    return text.partition("(")[0].strip().upper().replace(" ", "_").replace("-", "_")


def _code_of(text: str) -> int | None:
    """The number of a code or name; None for a name nobody knows."""
    found = _bugcheck_by_name(_bare(text))
    if found is not None:
        return found
    status = _status_by_name(_bare(text))
    if status is not None:
        return status[1]
    try:
        return _number(text)
    except UsageError:
        return None


def _bugcheck_by_name(name: str) -> int | None:
    if not _is_name(name):
        return None
    at = table("bugchecks.jsonl").find(b'"name":"%s"' % name.encode())
    return next((each.code for each in all_bugchecks() if each.name == name), None) if at >= 0 else None


def _status_by_name(name: str) -> tuple[str, int] | None:
    """Table and code of a STATUS_, E_, ERROR_ name."""
    if not _is_name(name):
        return None
    for file in NAME_TABLES:
        data = table(file)
        at = data.find(b"\t" + name.encode() + b"\n")
        if at >= 0:
            start = data.rfind(b"\n", 0, at) + 1
            return file, int(data[start:at].split(b"\t")[0], 16)
    return None


def _is_name(name: str) -> bool:
    return "_" in name and name.isascii() and name.replace("_", "").isalnum()


# --- bug checks ---


def _bugcheck(knowledge: BugCheckKnowledge, values: list[int], architecture: Architecture) -> Iterator[Block]:
    code = f"{knowledge.code:#x}".upper().replace("X", "x", 1)
    yield Headline(f"{code} {knowledge.name}: {knowledge.summary}")
    yield Facts(tuple(_facts(knowledge, values, architecture)))
    yield from _judged(knowledge, values, architecture)
    cases = _cases(knowledge, values)
    if cases:
        yield cases
    notes = tuple(_notes(knowledge, bare=not values))
    if notes:
        yield Points("also", notes)
    yield Points("missing", ("the dump: it tells who, where and with what memory", "→ bugcheck analyze FILE"))


def _facts(knowledge: BugCheckKnowledge, values: list[int], architecture: Architecture) -> Iterator[tuple[str, str]]:
    case = knowledge.case(values)
    if case.meaning:
        yield "this case", case.meaning
    for number, parameter in enumerate(_parameters(knowledge, values, architecture), 1):
        label = "parameters" if number == 1 else ""
        given = number <= len(values)
        if not given and not parameter.meaning:
            continue
        value = format_address(parameter.value, architecture.bits) if given else "—"
        resolved = f" = {parameter.resolved}" if given and parameter.resolved else ""
        yield label, f"{number}  {value}   {parameter.meaning or 'not documented'}{resolved}"
    if knowledge.category_hint in CATEGORIES:
        yield "usually", CATEGORIES[knowledge.category_hint]
    yield "source", knowledge.source


def _judged(knowledge: BugCheckKnowledge, values: list[int], architecture: Architecture) -> Iterator[Block]:
    """What the rules say of these parameters alone, without what stands above already."""
    if not values:
        return
    from bugcheck.verdict.by_parameters import judge_parameters  # loads the rules

    first, second, third, fourth = (*values, 0, 0, 0, 0)[:4]
    judged = judge_parameters(knowledge.code & ~MINIDUMP_BIT, (first, second, third, fourth), architecture)
    said = knowledge.case(values).meaning or knowledge.summary
    blame = judged.blame
    if blame.because:
        yield Points("points at", (f"{blame.category.value} ({blame.level} confidence)", *blame.because))
    facts = [text for text in judged.facts if said not in text]
    if judged.address and not any(judged.address in text for text in (*facts, *blame.because)):
        facts.append(f"touched was {judged.address}")
    if facts:
        yield Points("says", tuple(facts))
    if blame.would_change_our_mind:
        yield Points("would change our mind", blame.would_change_our_mind)


def _parameters(knowledge: BugCheckKnowledge, values: list[int], architecture: Architecture) -> list[Parameter]:
    """The parameters as the dump's own explanation has them; those not given keep only what they mean."""
    first, second, third, fourth = (*values, 0, 0, 0, 0)[:4]
    names = ValueNames(architecture, ModuleList(()), (), {})
    explained = explain(knowledge.code, (first, second, third, fourth), names).parameters
    meanings = knowledge.case(values).parameters
    return [
        given if number < len(values) else Parameter(0, known.meaning if known else "", "", None)
        for number, (given, known) in enumerate(zip(explained, meanings, strict=True))
    ]


def _cases(knowledge: BugCheckKnowledge, values: list[int]) -> Table | None:
    """What the selecting parameter can be, where it was not given or is none of them."""
    if knowledge.case(values).meaning:
        return None
    number: int | None = knowledge.tables.get("subtype_parameter")
    if number is not None:
        rows = [(", ".join(each["match"]), str(each["meaning"])) for each in knowledge.tables["subtypes"]]
    else:
        selecting = [n for n, meaning in enumerate(knowledge.parameters, 1) if meaning and meaning.role == "subtype"]
        number = next(iter(selecting), None)
        known: dict[str, str] = knowledge.tables.get("values", {}).get(str(number), {})
        rows = list(known.items())
    if not rows or number is None:
        return None
    more = [("…", f"{len(rows) - MAX_CASES} more")] if len(rows) > MAX_CASES else []
    return Table(f"What parameter {number} can say", ("value", "meaning"), (*rows[:MAX_CASES], *more))


def _notes(knowledge: BugCheckKnowledge, *, bare: bool) -> Iterator[str]:
    if knowledge.minidump_variant:
        yield f"bit {MINIDUMP_BIT:#x} is the mark small dumps set: the same as {knowledge.code & ~MINIDUMP_BIT:#x}"
    if knowledge.live_dump:
        yield "a live dump: the system went on running"
    if knowledge.undocumented:
        yield "not documented by Microsoft"
    if knowledge.aliases:
        yield "the same as " + ", ".join(f"{alias:#x}" for alias in knowledge.aliases)
    for kind, name in (("NTSTATUS", status_name(knowledge.code)), ("HRESULT", hresult_name(knowledge.code))):
        if name and knowledge.code > 0xFFFF:
            yield f"as {kind} the number is {name}"
    if bare and knowledge.code <= 0xFFFF and (name := win32_name(knowledge.code)):
        yield f"as a Win32 error the number is {name}"


# --- other codes ---


def _status(file: str, code: int) -> Iterator[Block]:
    """A status by its name: of one table."""
    kind = {"ntstatus.tsv": "NTSTATUS", "hresult.tsv": "HRESULT", "win32.tsv": "Win32 error"}[file]
    namers = {"ntstatus.tsv": status_name, "hresult.tsv": hresult_name, "win32.tsv": win32_name}
    words = status_words(code) if file == "ntstatus.tsv" else None
    yield Headline(f"{format_hex(code)} {namers[file](code)}{f': {words}' if words else f', {kind}'}")
    yield Facts(tuple(_other_names(code, skip=kind)) or (("kind", kind),))


def _no_bugcheck(code: int) -> Iterator[Block]:
    """A number that is no known bug check: its other meanings, or the nearest bug checks."""
    names = list(_other_names(code))
    if names:
        words = status_words(code)
        described = describe_status(code)
        name = names[0][1] if described.startswith("0x") else described
        yield Headline(f"{code:#010x} {name}{f': {words}' if words else ''}")
        yield Facts(tuple(names))
        return
    yield Headline(f"{format_hex(code)} is in no public list of bug checks or statuses.")
    rows = [("" if index else "closest", text) for index, text in enumerate(_closest_codes(code))]
    yield Facts((("read as", describe_status(code)), *rows))
    yield Points("seen", ("a driver may stop the system with a code of its own: the dump's stack names it",))


def _other_names(code: int, skip: str = "") -> Iterator[tuple[str, str]]:
    for kind, name in (
        ("NTSTATUS", status_name(code)),
        ("HRESULT", hresult_name(code)),
        ("Win32 error", win32_name(code) if code <= 0xFFFF else None),
    ):
        if name and kind != skip:
            yield kind, name
    described = describe_status(code)
    if not described.startswith(f"{code:#010x}") and described not in (status_name(code), hresult_name(code)):
        yield "exception" if "(" not in described or described[0].islower() else "code", described


def _closest_codes(code: int) -> list[str]:
    """The bug checks that differ by one bit, then those next to it in number."""
    known = list(all_bugchecks())
    by_bit = [each for each in known if (each.code ^ code).bit_count() == 1]

    def distance(each: BugCheckKnowledge) -> int:
        return abs(each.code - code)

    near = sorted((each for each in known if each not in by_bit and distance(each) <= NEAR), key=distance)
    return [f"{each.code:#x} {each.name}" for each in (*by_bit[:CLOSEST], *near)][:CLOSEST]


def _unknown_name(text: str) -> Document:
    from difflib import get_close_matches  # 3 ms: only for a name nobody knows

    names = {each.name: each.code for each in all_bugchecks()}
    close = get_close_matches(_bare(text), names, CLOSEST, 0.5)
    rows = tuple((f"{names[name]:#x}", name) for name in close)
    headline = Headline(f"{text!r} is neither a number nor a bug check or status that is publicly known.")
    blocks: list[Block] = [headline]
    if rows:
        blocks.append(Table("Closest names", ("code", "name"), rows))
    return Document(text, tuple(blocks))
