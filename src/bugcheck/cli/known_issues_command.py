"""`bugcheck known-issues`: search, show, list, import and remove what others have met."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from bugcheck.api import (
    KnownIssueQuery,
    import_known_issues,
    known_issue,
    known_issue_json,
    known_issues,
    remove_known_issues,
)
from bugcheck.cli.terminal import complain, output, wants_colour, width_of
from bugcheck.errors import UsageError

if TYPE_CHECKING:
    from bugcheck.reports.document import Document


def run(options: Namespace) -> int:
    """Do the action; 0 something was found, 1 nothing."""
    return {"search": _search, "show": _show, "list": _list, "import": _import, "remove": _remove}[options.action](
        options
    )


def _search(options: Namespace) -> int:
    query = KnownIssueQuery(
        " ".join(options.words), driver=options.driver or "", hash=options.hash or "", bugcheck=options.bugcheck or ""
    )
    if not any((query.words.strip(), query.driver, query.hash, query.bugcheck)):
        raise UsageError("say what to look for: words, --driver, --hash or --bugcheck")
    return _tell(options, query)


def _list(options: Namespace) -> int:
    return _tell(options, KnownIssueQuery(everything=options.all, limit=-1))


def _tell(options: Namespace, query: KnownIssueQuery) -> int:
    found = known_issues(query, database=options.database)
    if options.json:
        from json import dumps

        with output(None) as stream:
            for issue in found:
                stream.write(dumps(known_issue_json(issue), ensure_ascii=False) + "\n")
        return 0 if found else 1
    from bugcheck.reports.known_issue_document import issue_document, list_document

    one = len(found) == 1 and options.action == "search"
    _draw(options, issue_document(found[0], options.language) if one else list_document(found, options.language))
    return 0 if found else 1


def _show(options: Namespace) -> int:
    issue = known_issue(options.id, database=options.database)
    if issue is None:
        complain(f"{options.id}: no such known issue; try `bugcheck known-issues search {options.id}`")
        return 1
    if options.json:
        from json import dumps

        with output(None) as stream:
            stream.write(dumps(known_issue_json(issue), ensure_ascii=False) + "\n")
        return 0
    from bugcheck.reports.known_issue_document import issue_document

    _draw(options, issue_document(issue, options.language))
    return 0


def _draw(options: Namespace, document: Document) -> None:
    from bugcheck.reports.formats.text import draw

    with output(None) as stream:
        stream.write(draw(document, colour=wants_colour(options, stream), width=width_of(stream)))


def _import(options: Namespace) -> int:
    """0 taken, 1 taken with faults (told), 3 nothing there."""
    worst = 0
    for path in options.paths:
        report = import_known_issues(path, database=options.database)
        for name, what in report.faults:
            complain(f"{name}: {what}")
        if report.more_faults:
            complain(f"{path}: {report.more_faults} more faults")
        counts = report.counts
        with output(None) as stream:
            stream.write(
                f"{path}: {counts.added} new, {counts.changed} changed, {counts.same} as before; "
                f"{report.files} files looked at, {report.without} without a known issue\n"
            )
        worst = max(worst, 3 if not counts.total else 1 if report.faults else 0)
    return worst


def _remove(options: Namespace) -> int:
    """0 all of them removed, 1 some were not there."""
    if not options.ids and not options.origin:
        raise UsageError("say what to remove: ids, or --origin")
    removed, missing = remove_known_issues(options.ids, origin=options.origin or "", database=options.database)
    ships = [each for each in options.ids if known_issue(each, database=options.database) is not None]
    with output(None) as stream:
        stream.write(f"{len(removed):,} {'entry' if len(removed) == 1 else 'entries'} removed\n")
        for each in ships:
            if each not in missing:
                stream.write(f"{each}: the entry of that id that ships counts again\n")
    for each in missing:
        complain(f"{each}: {'ships with bugcheck and stays' if each in ships else 'no such entry of your own'}")
    return 1 if missing else 0
