"""What the command line finds out before anything heavy is loaded."""

import sys
from pathlib import Path

import pytest

from bugcheck.api import symbol_cache_folder
from bugcheck.cli import arguments


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs itself is asked")
@pytest.mark.parametrize("given", ["", "relative/cache", "ABSOLUTE"])
def test_the_cache_is_where_platformdirs_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache") if given == "ABSOLUTE" else given)
    assert arguments._earlier_downloads() is None  # pyright: ignore[reportPrivateUsage]
    Path(symbol_cache_folder()).mkdir(parents=True)
    assert arguments._earlier_downloads() == symbol_cache_folder()  # pyright: ignore[reportPrivateUsage]
