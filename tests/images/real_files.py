"""Real PE files at hand: the launchers in every environment's pip, and the shared corpus where it is there."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.images.pe_header import FileImage
from tests.conftest import SHARED


def real_images() -> list[object]:
    """List the parameters for a test over real files: paths, or one that skips."""
    launchers = sorted(Path(sysconfig.get_path("purelib"), "pip", "_vendor", "distlib").glob("*.exe"))
    folders = [SHARED / "story", SHARED / "corpus" / "synthetic", SHARED / "corpus" / "synthetic" / "user"]
    shared = sorted(path for folder in folders for kind in ("*.exe", "*.sys") for path in folder.glob(kind))
    found = [pytest.param(path, id=path.name) for path in launchers]
    found += [pytest.param(path, id=f"{path.parent.name}-{path.name}", marks=pytest.mark.corpus) for path in shared]
    reason = f"neither pip's launchers nor {SHARED} are here"
    return [*found] or [pytest.param(Path(), marks=pytest.mark.skip(reason=reason))]


def open_image(path: Path) -> FileImage:
    """Read a file into memory and open it."""
    return FileImage(BinaryView(path.read_bytes(), path.name))
