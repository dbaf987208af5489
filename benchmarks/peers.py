"""The other programs that open Windows dumps off Windows → the command that makes each say what it can.

ntoseye (PyPI) goes into an environment of its own; volatility3 and skelsec's minidump are development dependencies.
None may wait for the network: proxies that refuse at once make all of them work offline.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
VENV = Path(sys.executable).parent
OFFLINE: dict[str, str] = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program and how it is asked about a file."""

    name: str
    program: Path
    arguments: Callable[[str], list[str]]

    def command(self, path: Path) -> list[str]:
        """The command line for one dump."""
        return [str(self.program), *self.arguments(str(path))]


BUGCHECK = Peer("bugcheck", VENV / "bugcheck", lambda path: ["analyze", path])
BUGCHECK_JSON = Peer("bugcheck --json", VENV / "bugcheck", lambda path: ["analyze", "--json", path])
VOLATILITY = Peer("volatility3", VENV / "vol", lambda path: ["-q", "--offline", "-f", path, "windows.info"])
SKELSEC = Peer("skelsec minidump", VENV / "minidump", lambda path: ["--all", path])


def stackwalk() -> Path | None:
    """Find Breakpad's minidump_stackwalk: on the path, or of npm's package `minidump` unpacked into benchmarks/out."""
    system = {"linux": "linux-x64", "darwin": "darwin-x64"}.get(sys.platform, "none")
    unpacked = OUT / "package" / "bin" / system / "minidump_stackwalk"
    found = shutil.which("minidump_stackwalk") or (str(unpacked) if unpacked.exists() else None)
    return Path(found) if found else None


def ntoseye() -> Peer | None:
    """Install ntoseye if need be; None where the package index does not have it."""
    folder = OUT / ".peers"
    program = folder / "bin" / "ntoseye"
    if not program.exists():
        print("installing ntoseye into benchmarks/out/.peers …", flush=True)
        OUT.mkdir(exist_ok=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False).returncode
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "ntoseye"]
        if made or subprocess.run(pip, check=False, stderr=subprocess.DEVNULL).returncode:
            return None
    return Peer("ntoseye", program, lambda path: ["--dump", path, "--batch", "-c", "analyze"])
