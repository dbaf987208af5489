"""Arguments → a command → an exit status.

argparse rather than a richer library: it loads in a few milliseconds, and `bugcheck --help` is typed under stress.  Each
command lives in a module of its own that is imported when it runs; so does everything heavy.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from bugcheck import __version__

EPILOG = """\
exit status of analyze:
  0 analysed   1 analysed, no cause could be named   2 wrong usage
  3 no dump, or unreadable   4 truncated or corrupt, partial answer given

examples:
  bugcheck analyze C:/Windows/Minidump/*.dmp
  bugcheck analyze --json MEMORY.DMP | jq .blame
  bugcheck modules --unloaded crash.zip
  bugcheck extract MEMORY.DMP --memory fffff805`108776a0 100
"""
COMMANDS = ("analyze", "info", "modules", "extract")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    return _run(options)


def build_parser() -> ArgumentParser:
    """Build the parser of all commands."""
    parser = ArgumentParser(
        prog="bugcheck",
        description="Takes a crashed Windows machine to a proven cause: reads crash dumps anywhere, without WinDbg.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bugcheck {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_analyze(commands.add_parser("analyze", help="say what stopped, why, and who is suspected"))
    _add_info(commands.add_parser("info", help="header facts, in milliseconds"))
    _add_modules(commands.add_parser("modules", help="loaded and unloaded modules"))
    _add_extract(commands.add_parser("extract", help="bytes of memory out of a dump"))
    return parser


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="dump, archive or folder of dumps; - is standard input"
    )
    parser.add_argument("--password", metavar="TEXT", help="password of encrypted zip archives")


def _add_analyze(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per dump (JSON Lines)")
    parser.add_argument("--modules", action="store_true", help="list the modules as well")
    parser.add_argument("-v", "--verbose", action="store_true", help="registers, modules, streams and every gap")
    parser.add_argument("-q", "--quiet", action="store_true", help="one line per dump")
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")
    _add_colour(parser)


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


def _add_colour(parser: ArgumentParser) -> None:
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours (default: auto)")


def _run(options: Namespace) -> int:
    from importlib import import_module

    from bugcheck.cli.terminal import complain
    from bugcheck.errors import BugcheckError, UsageError

    command = import_module(f"bugcheck.cli.{options.command}_command")
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
