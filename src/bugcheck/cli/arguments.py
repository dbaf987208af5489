"""Command-line arguments and environment → what the api takes."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable

from bugcheck.api import SymbolOptions, missing_symbol_folders, symbol_cache_folder
from bugcheck.cli.terminal import complain


def password_of(options: Namespace) -> bytes | None:
    """The password for encrypted archives, as the bytes zip files know."""
    return options.password.encode() if options.password else None


def symbol_options(options: Namespace, progress: Callable[[str, int, int], None] | None = None) -> SymbolOptions | None:
    """Make the options; None when neither arguments, environment nor an earlier download give any symbols.

    _NT_SYMBOL_PATH and the cache of earlier downloads are searched without a network: only `--symbols` asks servers.
    """
    local = os.environ.get("_NT_SYMBOL_PATH", "").strip()
    cache: str | None = options.symbol_cache or _earlier_downloads()
    if cache is not None and os.path.isdir(cache):  # noqa: PTH112 (pathlib costs 10 ms)
        local = f"{local};{cache}" if local else cache
    if not options.symbols and not local:
        return None
    if options.symbols:
        for folder in missing_symbol_folders(options.symbols):
            complain(f"{folder}: no such folder to look for symbols in")
    return SymbolOptions(
        path=options.symbols or "",
        local_path=local,
        cache=cache,
        loose=options.symbols_loose,
        proxy=options.proxy,
        timeout=options.timeout,
        progress=progress,
        full_names=options.full_names,
    )


def _earlier_downloads() -> str | None:
    """Return where earlier downloads lie, or None where there are none.

    On Linux the folder is named as platformdirs names it, without importing that: it is a tenth of a cold start.
    """
    if sys.platform == "linux":
        given = os.environ.get("XDG_CACHE_HOME", "")
        base = given if os.path.isabs(given) else os.path.expanduser("~/.cache")  # noqa: PTH111, PTH117
        folder = os.path.join(base, "bugcheck", "symbols")  # noqa: PTH118
    else:
        folder = symbol_cache_folder()
    return folder if os.path.isdir(folder) else None  # noqa: PTH112
