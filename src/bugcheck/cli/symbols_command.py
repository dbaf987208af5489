"""`bugcheck symbols`: fetch what dumps need, list it for another machine, check what is there."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator

from bugcheck import Analysis
from bugcheck.api import (
    FetchedFile,
    SymbolOptions,
    analyze_all,
    fetch_symbols,
    symbol_cache_folder,
    symbol_gaps_of,
    symbol_manifest,
    symbols_checked,
)
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import complain, output, transfer_progress
from bugcheck.errors import UsageError

PUBLIC_SERVER = "ms"
NO_MATCH = ("none", "mismatch", "export")


def run(options: Namespace) -> int:
    """Do the action; returns the exit status."""
    return {"fetch": _fetch, "manifest": _manifest, "check": _check}[options.action](options)


def _analyses(options: Namespace, symbols: SymbolOptions | None) -> Iterator[Analysis]:
    for outcome in analyze_all(
        options.files, hash_file=False, standard_input=sys.stdin.buffer, password=password_of(options), symbols=symbols
    ):
        if outcome.analysis is None:
            complain(str(outcome.error))
        else:
            yield outcome.analysis


def _manifest(options: Namespace) -> int:
    text = symbol_manifest(_analyses(options, symbol_options(options)), images=options.images)
    with output(None) as stream:
        stream.write(text)
    return 0 if text else 3


def _fetch(options: Namespace) -> int:
    """0 all there, 1 some are nowhere to be had, 2 wrong usage, 3 nothing to fetch."""
    if not options.files and not options.manifest:
        raise UsageError("name dumps, or a list with --manifest")
    with transfer_progress() as progress:
        settings = _fetch_options(options, progress)
        manifest = _bytes_of(options.manifest) if options.manifest else None
        fetched, faults = fetch_symbols(settings, _analyses(options, None), manifest=manifest, images=options.images)
    for fault in faults:
        complain(f"{options.manifest}: {fault}")
    return _report(fetched, options)


def _fetch_options(options: Namespace, progress: Callable[[str, int, int], None] | None) -> SymbolOptions:
    path = options.symbols or PUBLIC_SERVER
    return SymbolOptions(
        path=f"cache*{options.to};{path}" if options.to else path,
        cache=options.to or options.symbol_cache or symbol_cache_folder(),
        proxy=options.proxy,
        timeout=options.timeout,
        progress=progress,
    )


def _bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib costs 10 ms)
            return file.read()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _report(fetched: list[FetchedFile], options: Namespace) -> int:
    if not fetched:
        complain("nothing to fetch")
        return 3
    missing = sum(1 for each in fetched if not each.path)
    with output(None) as stream:
        for each in fetched:
            stream.write(f"{'got' if each.path else 'no '}  {each.name}   {each.path or each.reason}\n")
    complain(f"{len(fetched) - missing} of {len(fetched)} files are there now")
    if options.files and all(each.unreachable for each in fetched):
        names = " ".join(map(_quoted, options.files))
        complain(f"without a network: bugcheck symbols manifest {names} > list.txt")
        complain("and on a machine that has one: bugcheck symbols fetch --manifest list.txt --to DIR")
    return 1 if missing else 0


def _sum_up(analysis: Analysis, kinds: list[str]) -> None:
    """Say how many match, and the command that gets what the stacks need."""
    matching = sum(kind not in NO_MATCH for kind in kinds)
    complain(f"{analysis.path}: {matching} of {len(kinds)} modules have matching symbols")
    if symbol_gaps_of(analysis):
        complain(f"what its stacks need: bugcheck symbols fetch {_quoted(analysis.path)} --symbols {PUBLIC_SERVER}")


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path


def _check(options: Namespace) -> int:
    """0 everything matches, 1 something is missing or does not match."""
    settings = symbol_options(options)
    if settings is None:
        raise UsageError("no symbol path: give --symbols, or fetch some first")
    worst = 0
    with output(None) as stream:
        for analysis in _analyses(options, settings):
            rows = symbols_checked(analysis, only_stack=options.stack)
            for row in rows:
                worst = max(worst, 0 if row.kind not in NO_MATCH else 1)
                if options.json:
                    from json import dumps

                    stream.write(dumps({"file": analysis.path, **row.as_json()}) + "\n")
                else:
                    stream.write(f"{row.module:<24} {row.kind:<9} {row.source or row.missing}\n")
            _sum_up(analysis, [row.kind for row in rows])
    return worst
