"""`bugcheck analyze --format html` on the story's dump → docs/images/report-light.png and report-dark.png.

    python scripts/make_report_pictures.py [DUMP [SYMBOL_PATH]]

Needs Chromium and pngquant (`apt-get install chromium pngquant`), which cuts a picture to a palette, below 250 KB.
The page is made from a relative path, so that no folder of this machine is in it.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from bugcheck.api import SymbolOptions, analyze
from bugcheck.reports.render import render

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1060, 1900
"""Pixels."""
SCHEMES = {"light": 1, "dark": 0}
"""Colour scheme → Chromium's number for it."""


def main(arguments: list[str]) -> int:
    """Draw both pictures; returns the exit status."""
    story = ROOT.parent / "shared" / "story"
    dump = Path(arguments[0] if arguments else story / "story.dmp").resolve()
    symbols = str(Path(arguments[1] if len(arguments) > 1 else story).resolve())
    with chdir(dump.parent):
        text = render(analyze(dump.name, symbols=SymbolOptions(path=symbols)), "html")
    with TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(text, "utf-8")
        for scheme, number in SCHEMES.items():
            draw(page, PICTURES / f"report-{scheme}.png", number)
    return 0


def draw(page: Path, picture: Path, scheme: int) -> None:
    """Let Chromium draw a page. Raises CalledProcessError, FileNotFoundError without Chromium or pngquant."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}")
    colours = f"--blink-settings=preferredColorScheme={scheme}"
    command = ["chromium", *options, colours, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    shrink = ["pngquant", "--force", "--strip", "--speed", "1", "--output", str(picture), "64", str(picture)]
    subprocess.run(shrink, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
