"""The tzlocal package's table of Windows' zone names → knowledge/time_zones.tsv.

    python scripts/make_time_zones.py PATH/TO/tzlocal/windows_tz.py

tzlocal (MIT) generates it from the Unicode CLDR's windowsZones.xml (Unicode licence).
"""

from __future__ import annotations

import sys
from pathlib import Path
from runpy import run_path

TARGET = Path(__file__).resolve().parents[1] / "src" / "bugcheck" / "knowledge" / "time_zones.tsv"
HEAD = """\
# Windows' names of time zones and their IANA zones.  Source: Unicode CLDR windowsZones.xml (Unicode licence), by way of
# tzlocal (MIT); made by scripts/make_time_zones.py.  Columns: Windows key name, IANA name.
"""


def main(arguments: list[str]) -> int:
    """Write the table; returns the exit status."""
    rows = run_path(arguments[0])["win_tz"]
    TARGET.write_text(HEAD + "".join(f"{name}\t{zone}\n" for name, zone in sorted(rows.items())), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
