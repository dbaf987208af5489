"""A path → a file that is there whole or not at all, and never in place of another unless that is asked for.

Source: POSIX `rename` and `link`; on Windows `os.rename` refuses an existing target.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from bugcheck.errors import UsageError


@contextmanager
def write_atomically(path: Path, *, force: bool = False) -> Generator[BinaryIO]:
    """Write beside the target and put it in place at the end; what fails in between leaves nothing behind.

    Raises:
        UsageError: the file is there already (without `force`), or nothing can be written there.
    """
    draft = path.with_name(f".{path.name}.{token_hex(4)}.part")
    if not force and os.path.lexists(path):
        raise UsageError(f"{path} is there already; --force replaces it")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put(draft, path, force)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; --force replaces it") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path, force: bool) -> None:
    if force:
        draft.replace(path)
    elif os.name == "nt":
        draft.rename(path)
    else:
        try:
            os.link(draft, path)  # fails where another process has made the file since we looked
        except PermissionError:  # a file system without hard links
            draft.rename(path)
