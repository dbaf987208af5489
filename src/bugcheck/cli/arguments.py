"""Command-line arguments and environment → what the api takes."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable

from bugcheck.api import SymbolOptions, symbol_cache_folder


def password_of(options: Namespace) -> bytes | None:
    """The password for encrypted archives, as the bytes zip files know."""
    return options.password.encode() if options.password else None


def symbol_options(options: Namespace, progress: Callable[[str, int, int], None] | None = None) -> SymbolOptions | None:
    """Make the options; None when neither arguments, environment nor an earlier download give any symbols.

    _NT_SYMBOL_PATH and the cache of earlier downloads are searched without a network: only `--symbols` asks servers.
    """
    local = os.environ.get("_NT_SYMBOL_PATH", "").strip()
    cache: str | None = options.symbol_cache
    if cache is None and _may_have_cache():
        cache = symbol_cache_folder()
    if cache is not None and os.path.isdir(cache):  # noqa: PTH112 (pathlib costs 10 ms)
        local = f"{local};{cache}" if local else cache
    if not options.symbols and not local:
        return None
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


def _may_have_cache() -> bool:
    """Tell quickly, without platformdirs (5 ms), whether there can be an earlier download on this system."""
    if sys.platform != "linux":
        return True
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return os.path.isdir(os.path.join(base, "bugcheck"))  # noqa: PTH112, PTH118
