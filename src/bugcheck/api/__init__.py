"""Paths → answers: the verbs that the command line, Python programs and other skins share.

Nothing here prints.  What the environment gives (the time, standard input, folders) arrives as arguments or is asked
for here and nowhere below.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from bugcheck.api.folder import files_in
from bugcheck.api.known import known_issue_library, known_issues_told
from bugcheck.api.places import known_issue_database, symbol_cache_folder
from bugcheck.archives.files import map_file, sha256_of
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.dump.open import Opened, open_dumps, open_stream
from bugcheck.errors import BugcheckError, DumpError, InternalError, NotADump, UsageError
from bugcheck.findings.findings import Crash
from bugcheck.gaps import Gap
from bugcheck.machine.machine import Machine
from bugcheck.records import dataclass
from bugcheck.symbols.options import SymbolOptions, client_of
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.verdict import judge

if TYPE_CHECKING:
    from bugcheck.known_issues.import_path import ImportReport
    from bugcheck.known_issues.issue import KnownIssue
    from bugcheck.known_issues.matching import Match
    from bugcheck.machine.modules import Module
    from bugcheck.machine.symbol_needs import CheckedModule
    from bugcheck.reports.document import Document
    from bugcheck.stack.stacks import NamedStack
    from bugcheck.symbols.locate import SymbolLocator
    from bugcheck.symbols.store import Search
    from bugcheck.symbols.wanted import WantedFile
    from bugcheck.verdict.combined import CombinedVerdict
    from bugcheck.verdict.comparison import Comparison
    from bugcheck.verdict.crash_record import CrashRecord
    from bugcheck.verdict.signature import Signature

STANDARD_INPUT = "-"
HASH_LIMIT = 4 << 30
"""Bytes up to which a dump is hashed as part of its analysis: beyond, reading it all would take minutes."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one dump: an analysis, or the error that stood in its way.

    Attributes:
        path: the file; `archive/member` for one inside an archive.
        analysis: the answer, or None. error: why there is none, or None.
    """

    path: str
    analysis: Analysis | None
    error: BugcheckError | None

    @property
    def exit_status(self) -> int:
        """0 analysed, 1 verdict unknown, 2 wrong usage, 3 not a dump or unreadable, 4 truncated or corrupt."""
        if self.analysis is None:
            return 2 if isinstance(self.error, UsageError) else 3
        if not self.analysis.dump.complete:
            return 4
        manual = self.analysis.bugcheck is not None and self.analysis.bugcheck.is_manual
        return 1 if self.analysis.blame.level == "none" and not manual else 0


def open_dump(path: str | os.PathLike[str]) -> Dump:
    """Open one dump (packed or not).

    Raises:
        DumpError: it is none, or unreadable. UsageError: the archive holds several.
    """
    opened = _only([*open_dumps(os.fspath(path))], os.fspath(path))
    if opened.dump is None:
        raise opened.error or NotADump(opened.name, "it could not be read")
    return opened.dump


def symbol_locator(options: SymbolOptions) -> SymbolLocator | None:
    """Make what looks for symbols; None when no symbol path is given. Raises UsageError for a malformed path."""
    if not options.path and not options.local_path:
        return None
    from bugcheck.symbols.options import locator_of

    return locator_of(options, options.cache or symbol_cache_folder())


def analyze(path: str | os.PathLike[str], *, hash_file: bool = True, symbols: SymbolOptions | None = None) -> Analysis:
    """Analyse one dump: what machine stopped, why, where, and who is suspected.

    Raises:
        DumpError: it is no dump, or unreadable. UsageError: the archive holds several; see `analyze_all`.
    """
    outcomes = list(analyze_all([os.fspath(path)], hash_file=hash_file, symbols=symbols))
    if len(outcomes) > 1:
        raise UsageError(f"{os.fspath(path)} holds {len(outcomes)} dumps: use analyze_all")
    outcome = outcomes[0]
    if outcome.analysis is None:
        raise outcome.error or NotADump(outcome.path, "it could not be read")
    return outcome.analysis


def analyze_all(
    paths: Iterable[str | os.PathLike[str]],
    *,
    hash_file: bool = True,
    standard_input: BinaryIO | None = None,
    password: bytes | None = None,
    symbols: SymbolOptions | None = None,
    scan: bool = True,
    images: Iterable[str | os.PathLike[str]] = (),
) -> Iterator[Outcome]:
    """Analyse many dumps, archives and folders of dumps, one after another; an error concerns only its own file.

    Args:
        paths: files, archives, folders, `-` for standard input.
        hash_file: compute SHA-256 of each dump of up to HASH_LIMIT bytes.
        standard_input: what `-` reads from.
        password: for encrypted zip archives.
        symbols: where symbols come from; None is none.
        scan: whether stacks may be completed by scanning.
        images: program files to be held against the modules of the dumps. Raises NotADump when one can't be read.
    """
    locator = symbol_locator(symbols) if symbols else None
    files = [map_file(os.fspath(image)) for image in images]
    for opened in open_all(paths, standard_input=standard_input, password=password):
        if isinstance(opened, Outcome):
            yield opened
        elif opened.dump is None:
            yield Outcome(opened.name, None, opened.error)
        else:
            yield _analyze_opened(opened, opened.dump, hash_file, locator, scan, files)


def open_all(
    paths: Iterable[str | os.PathLike[str]],
    *,
    standard_input: BinaryIO | None = None,
    password: bytes | None = None,
) -> Iterator[Opened | Outcome]:
    """Open many dumps; a path that cannot be opened at all comes as an Outcome with its error."""
    for path in paths:
        name = os.fspath(path)
        try:
            if name == STANDARD_INPUT and standard_input is not None:
                yield from open_stream(standard_input, password=password)
            elif os.path.isdir(name):  # noqa: PTH112 (pathlib costs 10 ms)
                yield from open_all(files_in(name), password=password)
            else:
                yield from open_dumps(name, password=password)
        except BugcheckError as error:
            yield Outcome(name, None, error)


def file_count(paths: Iterable[str | os.PathLike[str]]) -> int:
    """Count the files that paths name, those in folders included; an archive is one."""
    return sum(_count(os.fspath(path)) for path in paths)


def _count(path: str) -> int:
    try:
        return len(files_in(path)) if os.path.isdir(path) else 1  # noqa: PTH112 (pathlib costs 10 ms)
    except NotADump:
        return 0


def _analyze_opened(
    opened: Opened,
    dump: Dump,
    hash_file: bool,
    locator: SymbolLocator | None,
    scan: bool,
    images: Sequence[BinaryView] = (),
) -> Outcome:
    started = time.perf_counter()

    def work() -> Analysis:
        digest = sha256_of(dump.file) if hash_file and dump.file.size <= HASH_LIMIT else None
        if hash_file and digest is None:
            dump.gaps.append(Gap("sha256 of the file", f"it is over {HASH_LIMIT:,} bytes long", "sha256sum FILE"))
        crash = Crash(Machine(dump, locator), scan=scan, images=images)
        verdict = judge(crash)
        return Analysis(opened.name, digest, crash, verdict, time.perf_counter() - started)

    result = shielded(opened.name, work)
    if isinstance(result, BugcheckError):
        return Outcome(opened.name, None, result)
    return Outcome(opened.name, result, None)


def shielded(name: str, work: Callable[[], T]) -> T | BugcheckError:
    """Do one file's work at the interface edge: what goes wrong comes back as an error, for the others' sake."""
    try:
        return work()
    except BugcheckError as error:
        return error
    except Exception as error:  # the third of the three places: a mistake of ours must not end as a traceback
        internal = InternalError(f"{name}: internal error, please report it: {type(error).__name__}: {error}")
        internal.__cause__ = error
        return internal


def _only(opened: list[Opened], path: str) -> Opened:
    if len(opened) > 1:
        raise UsageError(f"{path} holds {len(opened)} dumps")
    return opened[0]


def read_memory(dump: Dump, address: int, size: int, *, physical: bool = False) -> bytes:
    """Read bytes of a dump by virtual (or physical) address. Raises MemoryFault, UsageError."""
    if not physical:
        return Machine(dump).memory.read(address, size)
    from bugcheck.memory.open import open_physical

    memory = open_physical(dump)
    if memory is None:
        raise UsageError("this dump holds no physical memory")
    return memory.read(address, size)


def crash_record(analysis: Analysis) -> CrashRecord | None:
    """Take out of an analysis what combine() needs, so that its dump need not stay open; None when it says nothing."""
    from bugcheck.verdict import crash_record as records

    return records.crash_record(analysis)


def combine(records: Iterable[CrashRecord]) -> list[CombinedVerdict]:
    """One verdict for each machine that has several crashes among these records."""
    from bugcheck.verdict import combined

    return combined.combine(records)


def render_together(verdicts: Sequence[CombinedVerdict], format: str = "text") -> str:
    """Render verdicts over several dumps, those of several machines one below the other.

    Raises:
        UsageError: there is no such format.
    """
    from bugcheck.reports.combined_document import together_document
    from bugcheck.reports.render import render_document

    return render_document(together_document(verdicts), format)


def signature(analysis: Analysis, era: str | None = None) -> Signature:
    """Bucket names and hashes as `!analyze` writes them in the dump's era, or in the one named.

    Raises:
        UsageError: there is no such era, or it does not suit the dump.
    """
    from bugcheck.verdict.eras import parse_era
    from bugcheck.verdict.signature import sign

    return sign(analysis.crash, analysis.blame, parse_era(era) if era else None)


def render(analysis: Analysis, format: str = "text", *, era: str | None = None) -> str:
    """Render an analysis: text, json, markdown, html, windbg (in the era named), or a plug-in's format.

    Raises:
        UsageError: there is no such format or era, or the era does not suit the dump.
    """
    from bugcheck.reports import render as reports

    if format == "windbg" and era:
        from bugcheck.reports.windbg_report import windbg_report
        from bugcheck.verdict.eras import parse_era

        return windbg_report(analysis, parse_era(era))
    return reports.render(analysis, format, known_issues_told(analysis) if format != "windbg" else ())


def explain(code: str | int, parameters: Sequence[str | int] = (), *, architecture: str = "") -> Document:
    """Explain a bug check (or status) code, by number or name, with its parameters, without any dump.

    Raises:
        UsageError: a parameter is no number, or the architecture unknown.
    """
    from bugcheck.reports.explain_document import explain_code

    return explain_code(code, parameters, architecture)


def compare(first: Analysis, second: Analysis) -> Comparison:
    """Tell whether two crashes are the same one, and why or why not."""
    from bugcheck.verdict import comparison

    return comparison.compare(first, second)


def stacks_of(
    analysis: Analysis,
    *,
    every: bool = False,
    trap_frame: str | None = None,
    context_record: str | None = None,
    threads: Sequence[str] = (),
) -> list[NamedStack]:
    """The stacks of a dump: of the fault and of what stopped; or of other things.

    Args:
        every: of every processor (kernel dumps) or thread (user dumps).
        trap_frame, context_record: from the registers at this address.
        threads: of these threads, each an id, an ETHREAD's address, or "all".

    Raises:
        UsageError: no trap frame or context record can be read at the address given, or there is no such thread.
    """
    from bugcheck.stack import stacks

    machine, scan = analysis.machine, analysis.crash.scan
    if trap_frame or context_record:
        return [stacks.stack_at(machine, trap_frame=trap_frame, context_record=context_record, scan=scan)]
    if threads:
        return [stack for name in threads for stack in stacks.threads_named(machine, name, scan=scan)]
    if not every:
        return [stack for stack in (analysis.crash.fault_stack, analysis.crash.stack) if stack is not None]
    if machine.dump.is_kernel:
        return stacks.processor_stacks(machine, scan=scan)
    found = [stacks.thread_stacks(machine, thread, scan=scan) for thread in machine.dump.threads]
    return [stack for each in found for stack in each]


def disassembly(analysis: Analysis, place: str | None = None, count: int = 12) -> list[str]:
    """List instructions at a place (address, module+offset, module!symbol+offset), by default at the fault.

    Raises:
        UsageError: the place makes no sense, or the dump tells no fault.
    """
    from bugcheck.machine.listing import listing, resolve_place

    address = resolve_place(analysis.machine, place) if place else analysis.crash.faulting_address
    if address is None:
        raise UsageError("the dump tells no faulting instruction: give an address")
    return list(listing(analysis.machine, address, count, analysis.context))


def modules_on_stacks(analysis: Analysis) -> list[Module]:
    """The modules a person meets first: of the faulting instruction and of the stacks, in that order, each once."""
    address = analysis.crash.faulting_address
    first = analysis.modules.at(address) if address is not None else None
    stacks = (analysis.crash.fault_stack, analysis.crash.stack)
    frames = [frame.module for stack in stacks if stack for frame in stack.frames]
    found = {module.base: module for module in [first, analysis.modules.named("nt"), *frames] if module}
    return list(found.values())


def symbols_needed(analysis: Analysis, *, images: bool = False) -> list[WantedFile]:
    """What to fetch for an analysis with names: the files of the modules on its stacks, the kernel's always."""
    from bugcheck.machine.symbol_needs import needed_files

    return list(needed_files(analysis.machine, modules_on_stacks(analysis), images=images))


def symbols_checked(analysis: Analysis, *, only_stack: bool = False) -> list[CheckedModule]:
    """What symbols were found for each module (or only for those on the stacks), and why not."""
    from bugcheck.machine.symbol_needs import checked_modules

    modules = modules_on_stacks(analysis) if only_stack else list(analysis.modules)
    return list(checked_modules(analysis.machine, modules))


def symbol_gaps_of(analysis: Analysis) -> list[Gap]:
    """What names the stacks lack: the exact files, and the command that gets them for this dump."""
    from bugcheck.verdict.gaps import symbol_gaps

    return symbol_gaps(analysis.crash, analysis.path)


def missing_symbol_folders(path: str) -> tuple[str, ...]:
    """Folders of a symbol path that are not there. Raises UsageError when an element of it makes no sense."""
    from bugcheck.symbols.path import missing_folders

    return missing_folders(path)


def symbol_manifest(analyses: Iterable[Analysis], *, images: bool = False) -> str:
    """List what analyses need, one `name,key,1` a line, for `fetch_symbols` on a machine that has a network."""
    from bugcheck.symbols.manifest import write_manifest

    files = {wanted: None for analysis in analyses for wanted in symbols_needed(analysis, images=images)}
    return write_manifest(files)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What came of fetching one file: its name and key, where it lies ("" when it could not be had), or why not.

    `unreachable` tells that no server answered.
    """

    name: str
    path: str
    reason: str
    unreachable: bool = False


def fetch_symbols(
    options: SymbolOptions, analyses: Iterable[Analysis], *, manifest: bytes | None = None, images: bool = False
) -> tuple[list[FetchedFile], tuple[str, ...]]:
    """Download what analyses (and a manifest) need, several files at once.

    A PDB that only its image file names is fetched in a second round.

    Returns:
        what came of each file, and the manifest's lines that name none.

    Raises:
        UsageError: the options give no place to look in. LimitExceeded: the manifest is too long to be one.
    """
    from bugcheck.machine.symbol_needs import pdb_of_image_file
    from bugcheck.symbols.manifest import read_manifest

    locator = symbol_locator(options)
    if locator is None:
        raise UsageError("no symbol path")
    listed = read_manifest(manifest) if manifest is not None else None
    files: dict[WantedFile, None] = dict.fromkeys(listed.files if listed else ())
    for analysis in analyses:
        files.update(dict.fromkeys(symbols_needed(analysis, images=images)))
    with locator.client or client_of(options) as client:
        results = client.map(locator.search, list(files))
        more = {wanted: None for result in results for wanted in pdb_of_image_file(result) if wanted not in files}
        results += client.map(locator.search, list(more))
    return [_fetched(result) for result in results], listed.faults if listed else ()


def _fetched(result: Search) -> FetchedFile:
    if result.path:
        return FetchedFile(str(result.wanted), str(result.path), "")
    return FetchedFile(str(result.wanted), "", result.why_not, result.is_unreachable)


@dataclass(frozen=True, slots=True)
class KnownIssueQuery:
    """What to look for: words in any language, or a driver's file, a hash, a bug check (hexadecimal); nothing lists.

    Attributes:
        everything: list imported entries and the compact tables as well. limit: at most so many, -1 for all.
    """

    words: str = ""
    driver: str = ""
    hash: str = ""
    bugcheck: str = ""
    everything: bool = False
    limit: int = 50


def known_issues(query: KnownIssueQuery, *, database: str | None = None) -> list[KnownIssue]:
    """Find known issues. Raises UsageError when the bug check is no number."""
    library = known_issue_library(database)
    if query.driver:
        found = library.by_driver(query.driver)
    elif query.hash:
        found = library.by_hash(query.hash)
    elif query.bugcheck:
        found = library.by_bugcheck(_hexadecimal(query.bugcheck))
    elif query.words.strip():
        found = library.search(query.words)
    else:
        found = library.entries(tables=query.everything)
    return found if query.limit < 0 else found[: query.limit]


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(f"{text!r} is no hexadecimal number") from None


def known_issue(issue_id: str, *, database: str | None = None) -> KnownIssue | None:
    """A known issue by its id, or None."""
    return known_issue_library(database).get(issue_id)


def known_issue_json(issue: KnownIssue) -> dict[str, object]:
    """A known issue in the form of the TOML files (docs/reference/known-issues.md), with its origin."""
    from bugcheck.known_issues.issue_table import issue_table

    return {**issue_table(issue), "origin": issue.origin}


def import_known_issues(path: str | os.PathLike[str], *, database: str | None = None) -> ImportReport:
    """Take LOLDrivers, CVE records or a team's own files into the database; all of a path or, on an error, nothing.

    Raises:
        NotADump: the path cannot be opened. DumpError: the database cannot be written.
    """
    from bugcheck.known_issues.import_path import import_path
    from bugcheck.known_issues.store import IssueStore

    target = database or known_issue_database()
    folder = os.path.dirname(os.path.abspath(target))  # noqa: PTH100, PTH120
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise DumpError(folder, f"the folder cannot be made: {error.strerror}") from error
    store = IssueStore(target)
    try:
        return import_path(os.fspath(path), store)
    finally:
        store.close()


def remove_known_issues(
    ids: Iterable[str] = (), *, origin: str = "", database: str | None = None
) -> tuple[list[str], list[str]]:
    """Take entries out of the database by id or by where they came from; what ships stays.

    Returns (ids removed, ids that are not in it). Raises DumpError when the database cannot be written, UsageError when
    nothing in it came from `origin`.
    """
    from bugcheck.known_issues.store import IssueStore

    target = database or known_issue_database()
    store = IssueStore(target if os.path.isfile(target) else ":memory:")  # noqa: PTH113
    try:
        gone = store.remove_origin(origin) if origin else []
        if origin and not gone:
            held = ", ".join(f"{name} ({count:,})" for name, count in store.origins().items()) or "no entries"
            raise UsageError(f"nothing in {target} comes from {origin!r}; it holds: {held}")
        wanted = list(ids)
        missing = [each for each in wanted if not store.remove(each)]
        return [*gone, *(each for each in wanted if each not in missing)], missing
    finally:
        store.close()


def known_issue_matches(analysis: Analysis, *, database: str | None = None) -> list[Match]:
    """What known issues have to do with an analysed dump, by the dump alone: matches, what is possible, near misses."""
    from bugcheck.known_issues.crash_facts import facts_of_analysis
    from bugcheck.known_issues.situation import Situation

    return known_issue_library(database).matches(Situation(facts_of_analysis(analysis)))


__all__ = [
    "STANDARD_INPUT",
    "DumpError",
    "FetchedFile",
    "KnownIssueQuery",
    "Outcome",
    "SymbolOptions",
    "analyze",
    "analyze_all",
    "combine",
    "compare",
    "crash_record",
    "disassembly",
    "explain",
    "fetch_symbols",
    "file_count",
    "import_known_issues",
    "known_issue",
    "known_issue_database",
    "known_issue_json",
    "known_issue_library",
    "known_issue_matches",
    "known_issues",
    "known_issues_told",
    "missing_symbol_folders",
    "modules_on_stacks",
    "open_all",
    "open_dump",
    "read_memory",
    "remove_known_issues",
    "render",
    "render_together",
    "shielded",
    "signature",
    "stacks_of",
    "symbol_cache_folder",
    "symbol_gaps_of",
    "symbol_locator",
    "symbol_manifest",
    "symbols_checked",
    "symbols_needed",
]
