"""Arguments → a command → an exit status.

argparse rather than a richer library: it loads in a few milliseconds, and `bugcheck --help` is typed under stress.
Each command lives in a module of its own that is imported when it runs; so does everything heavy.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentParser, HelpFormatter, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, cast

from bugcheck import __version__

EPILOG = """\
exit status of analyze:
  0 analysed   1 analysed, no cause could be named   2 wrong usage
  3 no dump, or unreadable   4 truncated or corrupt, partial answer given

examples:
  bugcheck analyze C:/Windows/Minidump/*.dmp
  bugcheck analyze --json MEMORY.DMP | jq .blame
  bugcheck analyze --format html --output report.html MEMORY.DMP
  bugcheck explain 9F 3
  bugcheck extract MEMORY.DMP --memory fffff805`108776a0 100
  bugcheck symbols fetch MEMORY.DMP --symbols ms && bugcheck stack MEMORY.DMP
"""
GARBAGE_THRESHOLD = 50_000
"""New objects between two garbage collections: start-up makes thousands that all stay (5 ms)."""
SEVERAL_FILES = ("analyze", "info", "modules", "stack", "symbols")
"""Commands that take any number of files."""
COMMANDS = (
    "analyze",
    "investigate",
    "watch",
    "case",
    "info",
    "modules",
    "extract",
    "stack",
    "disasm",
    "explain",
    "compare",
    "symbols",
    "known-issues",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    words = sys.argv[1:] if arguments is None else [*arguments]
    known = bool(words) and words[0] in COMMANDS
    parser = build_parser(words[0] if known else "")
    options, left = parser.parse_known_args(words[known:])
    if left and not _take_arguments(options, left):
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if options.command is None:
        parser.print_help()
        return 2
    return _run(options)


def _take_arguments(options: Namespace, left: list[str]) -> bool:
    """Take arguments that stand behind options, which argparse passes over: `disasm FILE --symbols PATH ADDRESS`."""
    if any(text.startswith("-") and text != "-" for text in left):
        return False
    if getattr(options, "address", "") is None and len(left) == 1:
        options.address = left[0]
        return True
    if options.command not in SEVERAL_FILES:
        return False
    options.files = [*options.files, *left]
    return True


class _Parser(ArgumentParser):
    """An ArgumentParser that asks for the terminal's width itself: argparse loads shutil and bz2 for that (5 ms)."""

    def _get_formatter(self) -> HelpFormatter:
        return self.formatter_class(prog=self.prog, width=_columns() - 2)  # type: ignore[call-arg]


@cache
def _columns() -> int:
    """Columns of the terminal, as the environment or the terminal tells, or 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError):
        return 80


class _OneCommand:
    """Stands where argparse keeps its commands when only one of them is wanted: the others are never built (10 ms)."""

    def __init__(self, name: str, parser: ArgumentParser) -> None:
        self.name = name
        self.parser = parser

    def add_parser(self, name: str, **_: object) -> ArgumentParser:
        """Give the parser of the wanted command, or for any other one something that takes arguments and forgets."""
        return self.parser if name == self.name else cast("ArgumentParser", _Forgetful())


class _Forgetful:
    """Any method may be called; nothing is kept."""

    def __getattr__(self, name: str) -> Callable[..., _Forgetful]:
        return lambda *_, **__: self


def build_parser(only: str = "") -> ArgumentParser:
    """Build the parser of all commands; of `only` one, when its name is known already."""
    if only:
        alone = _Parser(prog=f"bugcheck {only}")
        alone.set_defaults(command=only)
        _add_commands(_OneCommand(only, alone))
        return alone
    parser = _Parser(
        prog="bugcheck",
        description="Takes a crashed Windows machine to a proven cause: reads crash dumps anywhere, without WinDbg.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bugcheck {__version__}")
    _add_commands(parser.add_subparsers(dest="command", metavar="COMMAND"))
    return parser


class _Commands(Protocol):
    def add_parser(self, name: str, *, help: str) -> ArgumentParser:
        """Add a command."""
        ...


def _add_commands(commands: _Commands) -> None:
    _add_analyze(commands.add_parser("analyze", help="say what stopped, why, and who is suspected"))
    _add_investigate(commands.add_parser("investigate", help="from a folder of evidence to a cause and a plan"))
    _add_watch(commands.add_parser("watch", help="say whether it crashed again, and what to do now"))
    _add_case(commands.add_parser("case", help="list, show, decide, verify and export cases that are kept"))
    _add_info(commands.add_parser("info", help="header facts, in milliseconds"))
    _add_modules(commands.add_parser("modules", help="loaded and unloaded modules"))
    _add_extract(commands.add_parser("extract", help="bytes of memory out of a dump"))
    _add_stack(commands.add_parser("stack", help="stacks of processors and threads"))
    _add_disasm(commands.add_parser("disasm", help="instructions at an address"))
    _add_explain(commands.add_parser("explain", help="what a bug check or status means, without a dump"))
    _add_compare(commands.add_parser("compare", help="whether two dumps show the same crash"))
    _add_symbols(commands.add_parser("symbols", help="fetch, list and check symbols"))
    _add_known_issues(commands.add_parser("known-issues", help="search, show, list and import known issues"))


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="dump, archive or folder of dumps; - is standard input"
    )
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")


def _add_analyze(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per dump (JSON Lines)")
    parser.add_argument(
        "--format",
        default="text",
        metavar="FORMAT",
        help="text (default), json, markdown, html (one self-contained page), windbg (as !analyze -v prints it)",
    )
    parser.add_argument(
        "--era", metavar="ERA", help="names of --format windbg: x86, x64-7, 8, 2019, user (default: the dump's)"
    )
    parser.add_argument("--together", action="store_true", help="only the verdict over all dumps of a machine")
    parser.add_argument("--modules", action="store_true", help="list the modules as well")
    parser.add_argument("-v", "--verbose", action="store_true", help="registers, modules, streams and every gap")
    parser.add_argument("-q", "--quiet", action="store_true", help="one line per dump")
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead; a folder gets a file per dump")
    parser.add_argument("--no-scan", action="store_true", help="leave out stack levels found by scanning")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE",
        help="hold a driver or program against the dump's module",
    )
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_investigate(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="dumps, logs, hives, lists and notes of one or several hosts")
    parser.add_argument("--json", action="store_true", help="one JSON object (bugcheck.case/1)")
    parser.add_argument("--format", default="text", metavar="FORMAT", help="text (default), json, markdown, html")
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("-v", "--verbose", action="store_true", help="every prediction and every file")
    parser.add_argument("--language", default="en", metavar="CODE", help="of the report: en (default), zh")
    parser.add_argument("--no-store", action="store_true", help="keep nothing in FOLDER/.bugcheck")
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_watch(parser: ArgumentParser) -> None:
    parser.add_argument("case", metavar="CASE", help="folder of the case")
    parser.add_argument("--folder", metavar="DIR", required=True, help="where dumps arrive")
    parser.add_argument("--once", action="store_true", help="look once and end, for cron")
    parser.add_argument("--interval", type=float, default=60.0, metavar="SECONDS", help="between looks (default: 60)")
    parser.add_argument("--json", action="store_true", help="one JSON object a look (bugcheck.watch/1)")
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_case(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the cases at or below a folder")
    listing.add_argument("root", metavar="ROOT", nargs="?", default=".", help="folder (default: this one)")
    show = actions.add_parser("show", help="show what a case keeps: custody, verdicts, decisions, the watch")
    decide = actions.add_parser("decide", help="enter what was decided or done")
    verify = actions.add_parser("verify", help="tell whether the evidence still has its hashes")
    export = actions.add_parser("export", help="write the case into one zip file to share")
    own = actions.add_parser("suspect", help="enter a suspicion of your own, to be weighed beside the others")
    judge = actions.add_parser("judge", help="overrule or re-weigh a hypothesis, or take that back; the reason is kept")
    translate = actions.add_parser("translate", help="put real names back into a text with an export's pseudonyms")
    for each in (show, decide, own, judge, verify, export, translate):
        each.add_argument("case", metavar="CASE", help="folder of the case")
    decide.add_argument("text", metavar="TEXT", help="in words")
    decide.add_argument(
        "--step", type=int, metavar="N", help="step of the plan that was taken; the watch counts from now"
    )
    _add_opinions(own, judge)
    for each in (decide, own, judge):
        each.add_argument("--by", metavar="WHO", help="who says so")
    verify.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    _add_export(export)
    translate.add_argument("file", metavar="FILE", nargs="?", default="-", help="text (default: standard input)")
    for each in (listing, show):
        each.add_argument("--json", action="store_true", help="JSON")


def _add_opinions(own: ArgumentParser, judge: ArgumentParser) -> None:
    own.add_argument("name", metavar="NAME", help="a word for it, such as loose_cable")
    own.add_argument("mechanism", metavar="MECHANISM", help="how it would lead to the crashes, a sentence")
    own.add_argument("--subject", metavar="TEXT", help="what it is about: a driver, a host, a part")
    own.add_argument("--prior", type=float, metavar="N", help="log-odds before any evidence (default: -1.5)")
    own.add_argument(
        "--expects",
        action="append",
        default=[],
        metavar="KIND[:MINUTES[:WEIGHT]]",
        help="an event before each crash (default: within 60 minutes, weight 1); repeatable",
    )
    own.add_argument("--treat", action="append", default=[], metavar="TEXT", help="what would help; repeatable")
    judge.add_argument(
        "hypothesis", metavar="HYPOTHESIS", help="its key, as in the JSON report, or the word before its colon"
    )
    what = judge.add_mutually_exclusive_group(required=True)
    what.add_argument("--state", metavar="STATE", help="supported, not_eliminated, eliminated or untested")
    what.add_argument("--add", type=float, metavar="N", help="add to its log-odds")
    what.add_argument("--withdraw", action="store_true", help="take back what was set before; it stays in the history")
    judge.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept and shown")


def _add_export(parser: ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE.zip", required=True, help="the zip file to write")
    parser.add_argument(
        "--redact", action="store_true", help="replace names of hosts, people, domains, addresses and serial numbers"
    )
    parser.add_argument(
        "--hide", action="append", default=[], metavar="TEXT", help="with --redact: replace this as well (repeatable)"
    )
    parser.add_argument("--with-evidence", action="store_true", help="the files of evidence as well, but no dumps")
    parser.add_argument("--with-memory", action="store_true", help="registers and stack words as well, and dumps")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--language", default="en", metavar="CODE", help="of the report: en (default), zh")


def _add_info(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per dump (JSON Lines)")
    _add_colour(parser)


def _add_modules(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per dump (JSON Lines)")
    parser.add_argument("--unloaded", action="store_true", help="only the modules that were unloaded")
    _add_colour(parser)


def _add_extract(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs=1, metavar="FILE", help="dump, or archive with one dump; - is standard input")
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    parser.add_argument(
        "--memory",
        nargs=2,
        required=True,
        metavar=("ADDRESS", "LENGTH"),
        help="virtual address and length, hexadecimal",
    )
    parser.add_argument("--physical", action="store_true", help="the address is physical")
    parser.add_argument(
        "--output", metavar="FILE", help="write the bytes there; otherwise they are shown in hexadecimal"
    )
    _add_colour(parser)


def _add_stack(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per dump (JSON Lines)")
    parser.add_argument("--all", action="store_true", help="every processor (kernel) or thread (user)")
    parser.add_argument(
        "--thread",
        action="append",
        default=[],
        metavar="THREAD",
        help="of the thread with this id (decimal, or 0x…) or at this ETHREAD address; all: of every thread",
    )
    parser.add_argument("--kb", action="store_true", help="as WinDbg's kb prints it")
    parser.add_argument("--trap", metavar="ADDRESS", help="from the trap frame at this address")
    parser.add_argument("--context", metavar="ADDRESS", help="from the context record at this address")
    parser.add_argument("--no-scan", action="store_true", help="leave out levels found by scanning")
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_disasm(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs=1, metavar="FILE", help="dump, or archive with one dump; - is standard input")
    parser.add_argument(
        "address", metavar="ADDRESS", nargs="?", help="hexadecimal, or module+offset; default: the fault"
    )
    parser.add_argument("--count", type=int, default=12, metavar="N", help="number of instructions (default: 12)")
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_explain(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", help="bug check or status: hexadecimal, or its name")
    parser.add_argument("parameters", nargs="*", metavar="PARAMETER", help="up to four, hexadecimal")
    parser.add_argument(
        "--architecture", metavar="NAME", help="x86, x64, arm, arm64 (default: by the parameters' size)"
    )
    _add_colour(parser)


def _add_compare(parser: ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="dump")
    parser.add_argument("second", metavar="B", help="dump")
    parser.add_argument("-v", "--verbose", action="store_true", help="whole stacks and every changed driver")
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
    _add_symbol_options(parser)
    _add_colour(parser)


def _add_symbols(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    fetch = actions.add_parser("fetch", help="download what dumps (or a manifest) need")
    fetch.add_argument("files", nargs="*", metavar="FILE", help="dumps")
    fetch.add_argument("--manifest", metavar="FILE", help="files to fetch, as `symbols manifest` lists them")
    fetch.add_argument("--to", metavar="DIR", help="put them there instead of the cache (a store tree)")
    fetch.add_argument("--images", action="store_true", help="fetch the image files as well, not only PDBs")
    listing = actions.add_parser("manifest", help="list what dumps need, for a machine with a network")
    listing.add_argument("files", nargs="+", metavar="FILE", help="dumps")
    listing.add_argument("--images", action="store_true", help="list image files even where the PDB is known")
    check = actions.add_parser("check", help="what matches, what does not, and why")
    check.add_argument("files", nargs="+", metavar="FILE", help="dumps")
    check.add_argument("--json", action="store_true", help="JSON Lines")
    check.add_argument("--stack", action="store_true", help="only modules on the stack")
    for each in (fetch, listing, check):
        each.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")
        _add_symbol_options(each)
        _add_colour(each)


def _add_known_issues(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    search = actions.add_parser("search", help="find entries by text, driver, hash or bug check")
    search.add_argument("words", nargs="*", metavar="WORD", help="words, in any language of the entries")
    search.add_argument("--driver", metavar="NAME", help="entries that name this driver's file")
    search.add_argument("--hash", metavar="HASH", help="entries with this SHA-256, SHA-1, MD5 or Authentihash")
    search.add_argument("--bugcheck", metavar="CODE", help="entries that name this bug check (hexadecimal)")
    show = actions.add_parser("show", help="one entry, whole")
    show.add_argument("id", metavar="ID", help="such as CVE-2006-4541")
    listing = actions.add_parser("list", help="the entries written by hand, your own first")
    listing.add_argument("--all", action="store_true", help="imported ones and compact tables as well")
    taking = actions.add_parser("import", help="take over LOLDrivers, the CVE list or your team's files")
    taking.add_argument("paths", nargs="+", metavar="PATH", help="folder, archive, .toml, .yaml, .json or .csv")
    removing = actions.add_parser("remove", help="take imported or own entries out again; what ships stays")
    removing.add_argument("ids", nargs="*", metavar="ID", help="such as CVE-2006-4541")
    removing.add_argument("--origin", metavar="TEXT", help='every entry that came from there ("CVE list", a file name)')
    for each in (search, show, listing, taking, removing):
        each.add_argument("--database", metavar="FILE", help="database of your own entries (default: the user's)")
        if each not in (taking, removing):
            each.add_argument("--json", action="store_true", help="JSON Lines")
            each.add_argument(
                "--language", default="en", metavar="CODE", help="en (default), zh, where an entry has it"
            )
        _add_colour(each)


def _add_symbol_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("symbols")
    group.add_argument(
        "--symbols",
        metavar="PATH",
        help="symbol path as WinDbg writes it (folders, srv*CACHE*URL, cache*DIR); ms is Microsoft's server. "
        "Servers are asked only when named here; _NT_SYMBOL_PATH is searched without a network",
    )
    group.add_argument("--symbols-loose", action="store_true", help="allow symbols of another build, marked as such")
    group.add_argument("--full-names", action="store_true", help="C++ names with return type and parameters")
    group.add_argument("--symbol-cache", metavar="DIR", help="folder for downloads and indexes")
    group.add_argument("--proxy", metavar="URL", help="HTTP proxy for symbol servers")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="how long to wait for a symbol server")


def _add_colour(parser: ArgumentParser) -> None:
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours (default: auto)")


def _run(options: Namespace) -> int:
    from importlib import import_module

    from bugcheck.cli.terminal import complain
    from bugcheck.errors import BugcheckError, UsageError

    command = import_module(f"bugcheck.cli.{options.command.replace('-', '_')}_command")
    try:
        return int(command.run(options))
    except BrokenPipeError:
        # the reader (head, less) went away: point stdout at nothing so that the interpreter's own flush stays quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BugcheckError as error:
        complain(str(error))
        return 2 if isinstance(error, UsageError) else 3
    except KeyboardInterrupt:
        return 130
