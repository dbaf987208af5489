"""A folder → a symbol cache that several processes may share: whole files only, put there by rename.

Source: "Symbol Store Folder Tree" (windows-driver-docs) for the layout, which WinDbg reads and fills as well:
`name/KEY/name`, below `na/` when the folder has an index2.txt.

No file stands under its final name before it was verified.  Writers never share a file: each writes to a name of its
own, and a transfer that was cut short is left as a part, which the next writer takes over by renaming it.  So there is
no lock that could stay behind; two processes that want the same file at once both fetch it, the later rename wins.

Folklore:
    On Windows a file that another process has mapped cannot be replaced; then the one that is there is as good.
    A part that no one continues is dropped after a week.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from bugcheck.archives.spool import system_words
from bugcheck.errors import DumpError
from bugcheck.symbols.wanted import WantedFile

PART_AGE = 7 * 86_400
"""Seconds after which a part is no longer worth continuing."""

MARKER_LIMIT = 0x400
_PARTS_LISTED = 1000


class SymbolCache:
    """A symbol store on disk that files are added to.

    Attributes:
        folder: its root; made when the first file arrives.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path_of(self, wanted: WantedFile) -> Path:
        """Where a file belongs, whether it is there or not."""
        return self._key_folder(wanted) / wanted.name

    def _key_folder(self, wanted: WantedFile) -> Path:
        root = self.folder
        if (root / "index2.txt").is_file():
            root = root / wanted.name[:2].lower()
        return root / wanted.name / wanted.key

    def private_path(self, wanted: WantedFile, suffix: str = "new") -> Path:
        """Make a fresh name beside the final one, in a folder that exists. Raises DumpError when it cannot be made."""
        folder = self._key_folder(wanted)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DumpError(str(folder), f"cannot be made: {system_words(error)}") from error
        return folder / f"{wanted.name}.{os.getpid():x}-{os.urandom(6).hex()}.{suffix}"

    def adopt(self, new: Path, wanted: WantedFile) -> Path:
        """Give a verified file its final name, in one step. Raises DumpError when the disk refuses."""
        final = self.path_of(wanted)
        try:
            new.replace(final)
        except OSError as error:
            if not final.is_file():
                raise DumpError(str(final), f"cannot be written: {system_words(error)}") from error
            drop(new)
        return final

    def copy(self, source: Path, wanted: WantedFile) -> Path:
        """Add a copy of a verified file. Raises DumpError when the disk refuses."""
        import shutil

        new = self.private_path(wanted)
        try:
            shutil.copyfile(source, new)
        except OSError as error:
            drop(new)
            raise DumpError(str(new), f"cannot be written: {system_words(error)}") from error
        return self.adopt(new, wanted)

    def take_part(self, wanted: WantedFile, source: str, now: float) -> tuple[Path, str, int]:
        """Take over what an interrupted transfer left behind: its private path, validator and size in bytes.

        `source` stands for the address: parts from another one are not continued. Without a part the path is a fresh
        one, the validator "" and the size 0. Parts older than PART_AGE are dropped.
        """
        mine = self.private_path(wanted, "taken")
        for path in sorted(islice(mine.parent.iterdir(), _PARTS_LISTED)):
            fields = path.name.removeprefix(wanted.name).split(".")
            try:
                if fields[-1] in ("part", "taken", "new") and now - path.stat().st_mtime > PART_AGE:
                    path.unlink()
                elif fields[-1] == "part" and len(fields) == 4 and fields[2].startswith(f"{source}-"):
                    path.rename(mine)
                    return mine, fields[2].partition("-")[2], mine.stat().st_size
            except OSError:  # another process was faster
                continue
        return mine, "", 0

    @staticmethod
    def leave_part(mine: Path, source: str, validator: str) -> None:
        """Leave an unfinished transfer to whoever comes next; without a validator it is of no use and goes."""
        try:
            if validator and mine.stat().st_size:
                mine.rename(mine.with_name(mine.name.removesuffix("taken") + f"{source}-{validator}.part"))
            else:
                mine.unlink()
        except OSError:  # it was never begun, or the disk is gone
            return

    def note_missing(self, wanted: WantedFile, server: str, now: float) -> None:
        """Remember that a server does not have a file. A disk that refuses is no reason to stop."""
        marker = self._marker(wanted, server)
        try:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.write_text(f"{int(now)} {server}\n", "utf-8")
        except OSError:
            return

    def missing_since(self, wanted: WantedFile, server: str, now: float, age: float) -> float | None:
        """When a server was found not to have a file, in seconds since 1970; None when that is unknown or `age` ago."""
        try:
            with self._marker(wanted, server).open("rb") as file:
                stamp, _, noted = file.read(MARKER_LIMIT).decode("utf-8").partition(" ")
            since = int(stamp)
        except (OSError, ValueError):
            return None
        return float(since) if noted.strip() == server and 0 <= now - since < age else None

    def _marker(self, wanted: WantedFile, server: str) -> Path:
        from hashlib import sha256

        return self._key_folder(wanted) / f"{wanted.name}.{sha256(server.encode()).hexdigest()[:12]}.missing"


def drop(path: Path) -> None:
    """Delete a file that may not be there. A disk that refuses leaves it behind."""
    try:
        path.unlink()
    except OSError:
        return
