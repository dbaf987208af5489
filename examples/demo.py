"""The story bugcheck was founded on → its evidence, built here → its dump analysed, the incident investigated.

Builds what an administrator would collect of two servers, one of which restarts by itself: dumps, event logs, a
firewall log, antivirus logs, lists of software, services and tasks, a driver file, notes.  Writes it to demo/incident/,
analyses the dump of the last crash from the command line and from Python, and investigates the whole folder.

    make demo                                  or: python examples/demo.py [FOLDER]

Source: `bugcheck.synth.story`; no file but these is needed, and no network.
"""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import rmtree

import bugcheck
from bugcheck.cli.main import main as command_line
from bugcheck.synth import DumpKind, build_kernel_dump
from bugcheck.synth.story import write_story
from bugcheck.synth.story_machine import story_machine

ROOT = Path(__file__).resolve().parents[1]


def main(folder: Path) -> int:
    """Build, analyse, investigate, print; returns the exit status of the investigation."""
    path = shown(build(folder))
    incident = shown(build_incident(folder))
    print(f"A dump of a machine that never was: {path} ({path.stat().st_size:,} bytes)\n")
    print(f"$ bugcheck analyze {path}")
    command_line(["analyze", str(path)])
    print("\nThe same from Python:\n")
    tell(path)
    files = [each for each in incident.rglob("*") if each.is_file() and ".bugcheck" not in each.parts]
    print(f"\nAnd all that was collected of it and of its neighbour: {incident} ({len(files)} files)\n")
    print(f"$ bugcheck investigate {incident}")
    return command_line(["investigate", str(incident)])


def tell(path: Path) -> None:
    """Print what a program would look at first."""
    analysis = bugcheck.analyze(path)
    print(f">>> analysis = bugcheck.analyze({path.name!r})")
    print(f">>> analysis.blame.module, analysis.blame.level\n{(analysis.blame.module, analysis.blame.level)}")
    print(">>> [finding.statement for finding in analysis.findings]")
    for finding in analysis.findings:
        print(f"  {finding.weight:.2f}  {finding.statement}")
    print(">>> analysis.gaps")
    for gap in analysis.gaps or ("none",):
        print(f"  {gap}")


def build(folder: Path) -> Path:
    """Write the dump of the last crash; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "server-2003.dmp"
    path.write_bytes(build_kernel_dump(story_machine(), DumpKind.FULL))
    return path


def build_incident(folder: Path) -> Path:
    """Write the evidence of both servers, and forget what an earlier run found in it; returns its folder."""
    incident = folder / "incident"
    rmtree(incident / ".bugcheck", ignore_errors=True)
    write_story(incident)
    return incident


def shown(path: Path) -> Path:
    """A path as a reader would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo"))
