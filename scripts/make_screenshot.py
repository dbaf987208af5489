"""`bugcheck analyze` on the story's dump → docs/images/analyze.png, as a terminal shows it.

    python scripts/make_screenshot.py [DUMP]

Needs Chromium (`apt-get install chromium`); colours as in a dark terminal of 120 columns.
"""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from bugcheck.cli.main import main as command_line

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "analyze.png"
LINE_HEIGHT, WIDTH, BORDER = 20, 1010, 20
"""Pixels."""
PAGE = f"""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: {BORDER}px; background: #16181d; color: #d6d8dc; }}
pre {{ margin: 0; font: 13px/{LINE_HEIGHT}px "DejaVu Sans Mono", monospace; }}
</style><pre>CODE</pre>"""


def main(arguments: list[str]) -> int:
    """Draw the picture; returns the exit status."""
    dump = Path(arguments[0] if arguments else ROOT.parent / "shared" / "story" / "story.dmp").resolve()
    text = f"$ bugcheck analyze {dump.name}\n" + coloured_output(dump)
    with TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(as_page(text), "utf-8")
        draw(page, text.count("\n") * LINE_HEIGHT + 2 * BORDER)
    return 0


def coloured_output(dump: Path) -> str:
    """What the command prints, with the escape sequences of a terminal."""
    stream = io.StringIO()
    with redirect_stdout(stream), chdir(dump.parent):
        command_line(["analyze", "--color", "always", dump.name])
    return stream.getvalue()


def as_page(text: str) -> str:
    """Escape sequences → HTML."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    console = Console(record=True, width=122, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(text))
    code = console.export_html(theme=MONOKAI, code_format="{code}", inline_styles=True)
    return PAGE.replace("CODE", code)


def draw(page: Path, height: int) -> None:
    """Let Chromium draw a page. Raises CalledProcessError, FileNotFoundError without Chromium."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1.5")
    size = f"--window-size={WIDTH},{height}"
    command = ["chromium", *options, size, f"--screenshot={PICTURE}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
