"""A path of somebody's collection → KnownIssues: LOLDrivers, CVE records, a team's TOML files, by what the files hold.

Source: the formats are named in `loldrivers`, `cve_records` and docs/reference/known-issues.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from bugcheck.errors import NotADump
from bugcheck.known_issues.cve_records import issue_of_cve, records_in
from bugcheck.known_issues.issue import KnownIssue
from bugcheck.known_issues.json_items import JsonError, json_objects
from bugcheck.known_issues.loldrivers import SKIPPED, is_record, issue_of_record, issue_of_row
from bugcheck.known_issues.packages import PackageFile, files_in
from bugcheck.known_issues.store import Imported, IssueStore
from bugcheck.known_issues.toml_reader import FILE_LIMIT, read_toml
from bugcheck.known_issues.yaml_subset import TEXT_LIMIT, YamlError, read_yaml
from bugcheck.records import dataclass, field

MOST_FAULTS = 200
CSV_LIMIT, ROWS = 64 << 20, 200_000
_NEEDLES = (b".sys", b"knownvulnerablesamples")


@dataclass(slots=True)
class ImportReport:
    """What came of an import.

    Attributes:
        counts: entries added, changed, the same.
        files: looked at. without: those of them that hold no known issue (a CVE that names no driver).
        faults: (file, what is wrong), at most MOST_FAULTS. more_faults: those beyond.
    """

    counts: Imported = field(default_factory=Imported)
    files: int = 0
    without: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    more_faults: int = 0

    def tell(self, name: str, what: str) -> None:
        """Note what is wrong with a file."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append((name, what))
        else:
            self.more_faults += 1


def import_path(path: str, store: IssueStore) -> ImportReport:
    """Take everything at a path into a store, all or nothing; faulty entries are left out and told.

    Raises:
        NotADump: the path cannot be opened. DumpError: the database cannot be written.
    """
    report = ImportReport()
    report.counts = store.add(_issues(path, report))
    return report


def _issues(path: str, report: ImportReport) -> Iterator[KnownIssue]:
    for file in files_in(path, report.tell):
        report.files += 1
        found = False
        for issue in _issues_of(file, report):
            found = True
            yield issue
        report.without += not found


def _issues_of(file: PackageFile, report: ImportReport) -> Iterator[KnownIssue]:
    lower = file.name.lower()
    try:
        if lower.endswith(".toml"):
            yield from _toml(file, report)
        elif lower.endswith((".yaml", ".yml")):
            yield from _yaml(file)
        elif lower.endswith(".csv"):
            yield from _csv(file)
        elif lower.endswith(".json"):
            yield from _json(file)
        else:
            raise NotADump(file.name, "known issues come as .toml, .yaml, .json or .csv, or in archives and folders")
    except (YamlError, JsonError, csv.Error) as error:
        report.tell(file.name, str(error))


def _toml(file: PackageFile, report: ImportReport) -> Iterator[KnownIssue]:
    issues, faults = read_toml(file.view.read_up_to(0, FILE_LIMIT + 1), file.name)
    for fault in faults:
        report.tell(f"{file.name}, {fault.where}", fault.what)
    yield from issues


def _yaml(file: PackageFile) -> Iterator[KnownIssue]:
    if b"KnownVulnerableSamples" not in file.view.read_up_to(0, TEXT_LIMIT):
        return
    record = read_yaml(file.view.read_up_to(0, TEXT_LIMIT + 1).decode("utf-8", "replace"), SKIPPED)
    if isinstance(record, dict) and is_record(record):
        yield issue_of_record(record)


def _json(file: PackageFile) -> Iterator[KnownIssue]:
    lists = any(needle in file.view.read_up_to(0, 1 << 20).lower() for needle in _NEEDLES[1:])
    for table in json_objects(file.view, b"" if lists else _NEEDLES[0]):
        if is_record(table):
            yield issue_of_record(table)
            continue
        for record in records_in(table):
            issue = issue_of_cve(record)
            if issue is not None:
                yield issue


def _csv(file: PackageFile) -> Iterator[KnownIssue]:
    if file.view.size > CSV_LIMIT:
        raise csv.Error(f"larger than {CSV_LIMIT:,} bytes (the limit)")
    text = file.view.read_up_to(0, CSV_LIMIT).decode("utf-8-sig", "replace")
    csv.field_size_limit(4 << 20)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not rows.fieldnames or "id" not in [str(name).casefold() for name in rows.fieldnames]:
        raise csv.Error("no column named Id: this is no list of drivers")
    for number, row in enumerate(rows):
        if number >= ROWS:
            raise csv.Error(f"rows beyond the first {ROWS:,} are not read (the limit)")
        issue = issue_of_row({name: value for name, value in row.items() if isinstance(value, str)})
        if issue is not None:
            yield issue
