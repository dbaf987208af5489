"""`bugcheck symbols`: fetch what dumps need, list it for another machine, check what is there."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bugcheck.api import (
    SymbolOptions,
    analyze_all,
    symbol_cache_folder,
    symbol_client,
    symbol_locator,
    symbols_checked,
    symbols_needed,
)
from bugcheck.cli.symbol_arguments import symbol_options
from bugcheck.cli.terminal import complain, output, transfer_progress
from bugcheck.errors import UsageError
from bugcheck.symbols.manifest import read_manifest, write_manifest
from bugcheck.symbols.store import Search
from bugcheck.symbols.wanted import WantedFile
from bugcheck.verdict.analysis import Analysis

PUBLIC_SERVER = "ms"


def run(options: Namespace) -> int:
    """Do the action; returns the exit status."""
    return {"fetch": _fetch, "manifest": _manifest, "check": _check}[options.action](options)


def _analyses(options: Namespace, symbols: SymbolOptions | None) -> Iterator[Analysis]:
    password = options.password.encode() if options.password else None
    for outcome in analyze_all(
        options.files, hash_file=False, standard_input=sys.stdin.buffer, password=password, symbols=symbols
    ):
        if outcome.analysis is None:
            complain(str(outcome.error))
        else:
            yield outcome.analysis


def _manifest(options: Namespace) -> int:
    files: dict[WantedFile, None] = {}
    for analysis in _analyses(options, symbol_options(options)):
        files.update(dict.fromkeys(symbols_needed(analysis, images=options.images)))
    with output(None) as stream:
        stream.write(write_manifest(files))
    return 0 if files else 3


def _fetch(options: Namespace) -> int:
    """0 all there, 1 some are nowhere to be had, 2 wrong usage, 3 nothing to fetch."""
    if not options.files and not options.manifest:
        raise UsageError("name dumps, or a list with --manifest")
    with transfer_progress() as progress:
        settings = _fetch_options(options, progress)
        locator = symbol_locator(settings)
        if locator is None:
            raise UsageError("no symbol path")
        files = _listed(options)
        for analysis in _analyses(options, None):
            files.update(dict.fromkeys(symbols_needed(analysis, images=options.images)))
        client = locator.client or symbol_client(settings)
        results = client.map(locator.search, list(files))
        # a PDB whose name only the image file tells is fetched in a second round
        more = [wanted for result in results for wanted in _named_by_image(result) if wanted not in files]
        results.extend(client.map(locator.search, list(dict.fromkeys(more))))
    return _report(results)


def _fetch_options(options: Namespace, progress: object) -> SymbolOptions:
    to = options.to or options.symbol_cache or symbol_cache_folder()
    path = options.symbols or PUBLIC_SERVER
    if options.to:
        path = f"cache*{options.to};{path}"
    return SymbolOptions(
        path=path,
        cache=to,
        proxy=options.proxy,
        timeout=options.timeout,
        progress=progress,  # type: ignore[arg-type]
    )


def _listed(options: Namespace) -> dict[WantedFile, None]:
    if not options.manifest:
        return {}
    try:
        data = Path(options.manifest).read_bytes()
    except OSError as error:
        raise UsageError(f"{options.manifest}: {error.strerror}") from error
    manifest = read_manifest(data, options.manifest)
    for fault in manifest.faults:
        complain(f"{options.manifest}: {fault}")
    return dict.fromkeys(manifest.files)


def _named_by_image(result: Search) -> list[WantedFile]:
    from bugcheck.api import pdb_named_by

    return pdb_named_by(result)


def _report(results: list[Search]) -> int:
    with output(None) as stream:
        for result in results:
            stream.write(f"{'got' if result.path else 'no '}  {result.wanted}   {result.path or _why(result)}\n")
    missing = sum(1 for result in results if result.path is None)
    complain(f"{len(results) - missing} of {len(results)} files are there now")
    return 3 if not results else 1 if missing else 0


def _why(result: Search) -> str:
    last = result.attempts[-1] if result.attempts else None
    return f"{last.place}: {last.outcome} {last.detail}".rstrip() if last else "nowhere to look"


def _check(options: Namespace) -> int:
    """0 everything matches, 1 something is missing or does not match."""
    settings = symbol_options(options)
    if settings is None:
        raise UsageError("no symbol path: give --symbols, or fetch some first")
    worst = 0
    with output(None) as stream:
        for analysis in _analyses(options, settings):
            for row in symbols_checked(analysis, only_stack=options.stack):
                worst = max(worst, 0 if row.kind not in ("none", "mismatch", "export") else 1)
                if options.json:
                    from json import dumps

                    stream.write(dumps({"file": analysis.path, **row.as_json()}) + "\n")
                else:
                    stream.write(f"{row.module:<24} {row.kind:<9} {row.source or row.missing}\n")
    return worst
