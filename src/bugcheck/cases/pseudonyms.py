"""Names that must not be told → pseudonyms, the same for the same name in every export of a case.

Source: our own format, `bugcheck.pseudonyms/1`; a case keeps it in `.bugcheck/pseudonyms.json`, for its owner's eyes.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, cast

from bugcheck.cases.atomic_file import write_atomically
from bugcheck.cases.name_matcher import alternatives
from bugcheck.errors import UsageError

SCHEMA = "bugcheck.pseudonyms/1"
FILE = "pseudonyms.json"
HOST, USER, DOMAIN, ADDRESS, PUBLIC_ADDRESS = "host", "user", "domain", "address", "public-address"
MAC, SERIAL, SID, WORD = "mac", "serial", "sid", "word"


class Pseudonyms:
    """Pseudonyms given so far: `host-1` and the like, counted by kind in the order they were first needed."""

    def __init__(self) -> None:
        """Begin with none."""
        self.kinds: dict[str, str] = {}
        """Pseudonym → kind."""
        self.spellings: dict[str, list[str]] = {}
        """Pseudonym → the names it stands for, as they were written."""
        self._given: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def of(self, kind: str, name: str, spelled: str) -> str:
        """The pseudonym of a name (folded), made when it has none; how it was spelled is kept for the way back."""
        found = self._given.get(name)
        if found is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            found = f"{kind}-{self._counts[kind]}"
            self._given[name] = found
            self.kinds[found] = kind
            self.spellings[found] = []
        if spelled not in self.spellings[found]:
            self.spellings[found].append(spelled)
        return found

    def named(self) -> list[tuple[str, str, str]]:
        """Every name that has a pseudonym: (kind, folded name, as spelled)."""
        return [
            (self.kinds[label], name, spelled)
            for name, label in self._given.items()
            for spelled in self.spellings[label]
        ]

    def counts(self) -> dict[str, int]:
        """How many of each kind there are."""
        return dict(self._counts)

    def text(self) -> str:
        """Write them down."""
        by_label = {label: [name for name, given in self._given.items() if given == label] for label in self.kinds}
        rows = [
            {"pseudonym": label, "kind": kind, "keys": by_label[label], "names": self.spellings[label]}
            for label, kind in self.kinds.items()
        ]
        return json.dumps({"schema": SCHEMA, "pseudonyms": rows}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, text: str, name: str) -> Pseudonyms:
        """Read what `text` wrote. Raises UsageError when it is something else."""
        made = cls()
        try:
            for row in cast("list[dict[str, Any]]", json.loads(text)["pseudonyms"]):
                label, kind = str(row["pseudonym"]), str(row["kind"])
                made.kinds[label] = kind
                made.spellings[label] = [str(each) for each in row["names"]]
                made._given.update({str(key): label for key in row["keys"]})
                made._counts[kind] = max(made._counts.get(kind, 0), int(label.rpartition("-")[2]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{name} is damaged: {error}; move it away to begin with new pseudonyms") from error
        return made


def kept_pseudonyms(home: Path) -> Pseudonyms:
    """Those a case keeps; none before its first redacted export. Raises UsageError when the file is damaged."""
    path = home / FILE
    try:
        return Pseudonyms.read(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return Pseudonyms()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def keep_pseudonyms(home: Path, pseudonyms: Pseudonyms) -> Path:
    """Write them beside the case, readable by its owner only. Raises UsageError when that cannot be done."""
    path = home / FILE
    with write_atomically(path, force=True) as file:
        if os.name == "posix":
            os.chmod(file.name, 0o600)  # noqa: PTH101
        file.write(pseudonyms.text().encode())
    return path


def translated(text: str, pseudonyms: Pseudonyms) -> str:
    """Put real names back for pseudonyms."""
    known = {label: names[0] for label, names in pseudonyms.spellings.items() if names}
    return re.sub(rf"(?:{alternatives(known)})(?!\d)", lambda found: known[found[0]], text)
