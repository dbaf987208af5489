"""Small cases built for tests of the timeline: files in a folder, read and settled."""

from __future__ import annotations

from pathlib import Path

from bugcheck.evidence.evidence import Evidence, Quality, Record
from bugcheck.evidence.intake import Intake, Unreadable
from bugcheck.evidence.reading import identity, read_source
from bugcheck.timeline.store import EventStore
from bugcheck.timeline.timeline import Timeline


def timeline_of(folder: Path, path: str = ":memory:") -> Timeline:
    """Read every file of a folder into a settled timeline."""
    store, taken = EventStore(path), set[str]()
    for source in Intake(str(folder)).sources():
        assert not isinstance(source, Unreadable), source
        with store.writing():
            store.finish(read_source(source, identity(source.sha256, taken), store.add))
    timeline = Timeline(store)
    timeline.settle()
    return timeline


def timeline_with(files: dict[str, list[Record]], hosts: dict[str, str] | None = None) -> Timeline:
    """A timeline of records as if they had come from files of these paths; `hosts`: whose files say they are."""
    store = EventStore()
    for number, (path, records) in enumerate(files.items()):
        key = f"e{number}"
        with store.writing():
            for record in records:
                store.add(key, record)
            own = (hosts or {}).get(path, "")
            store.finish(Evidence(key, own, path, key * 32, 1, "test", Quality.COMPLETE))
    timeline = Timeline(store)
    timeline.settle()
    return timeline
