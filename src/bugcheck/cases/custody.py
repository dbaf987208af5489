"""A case's chain of custody and the files themselves → whether the evidence is still what was taken in.

Source: the hashes in the case's store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bugcheck.cases.store import CaseStore, is_case
from bugcheck.evidence.intake import CASE_FOLDER, Intake, Unreadable

MOST_FOLDERS = 20_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of the evidence: paths of files that are as they were, changed, gone, or not in custody."""

    same: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every file in custody is there, as it was."""
        return not (self.changed or self.gone)


def verify(store: CaseStore, password: bytes | None = None) -> Verified:
    """Hash every file of the case anew."""
    held = {line.path: line.sha256 for line in store.custody()}
    held = {path: digest for path, digest in held.items() if digest}
    found = {
        source.path: source.sha256
        for source in Intake(store.folder, password=password, also=store.kept_dumps()).sources()
        if not isinstance(source, Unreadable)
    }
    return Verified(
        tuple(path for path in held if found.get(path) == held[path]),
        tuple(path for path in held if path in found and found[path] != held[path]),
        tuple(path for path in held if path not in found),
        tuple(path for path in found if path not in held),
    )


def cases_under(root: str) -> list[str]:
    """Folders of cases at or below a folder, sorted."""
    found: list[str] = []
    waiting, looked = [Path(root)], 0
    while waiting and looked < MOST_FOLDERS:
        folder = waiting.pop()
        looked += 1
        if is_case(str(folder)):
            found.append(str(folder))
            continue
        try:
            waiting += [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
        except OSError:
            continue  # a folder nobody may look into holds no case of ours
    return sorted(each for each in found if Path(each).name != CASE_FOLDER)
