"""An Analysis → the known issues worth a line beside its verdict, at no cost where there are none.

Source: `known_issues/likely.py` and `telling.py`; what is imported and asked here is measured (`make bench`): reading
all entries costs as much as analysing a small dump.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bugcheck.api.places import known_issue_database, may_have_database

if TYPE_CHECKING:
    from bugcheck.known_issues.library import Library
    from bugcheck.known_issues.matching import Match
    from bugcheck.verdict.analysis import Analysis


def known_issue_library(database: str | None = None) -> Library:
    """What ships, and one's own entries where there are any. Raises DumpError for a database that cannot be read."""
    from bugcheck.known_issues.library import Library

    path = database or known_issue_database()
    if not os.path.exists(path):  # noqa: PTH110
        return Library()
    from bugcheck.known_issues.store import IssueStore

    return Library(IssueStore(path))


def known_issues_told(analysis: Analysis, *, database: str | None = None) -> list[Match]:
    """Matches and near misses worth a line beside the verdict; nothing is loaded where no entry can be meant."""
    own = database is not None or may_have_database()
    if not own and not _may_be_known(analysis):
        return []
    from bugcheck.known_issues.crash_facts import facts_of_analysis
    from bugcheck.known_issues.library import Library

    library = known_issue_library(database) if own else Library()
    return library.at_a_glance(facts_of_analysis(analysis))


def _may_be_known(analysis: Analysis) -> bool:
    """Tell cheaply whether any shipped entry could have to do with this crash."""
    from bugcheck.knowledge.tables import has_key
    from bugcheck.known_issues.likely import likely_entries

    blamed = (analysis.blame.image or "").lower()
    code = analysis.bugcheck.code if analysis.bugcheck else None
    if code is None:
        return False
    named = bool(blamed) and has_key("driver_cves.tsv", blamed)
    return named or bool(likely_entries(code, blamed, (module.image.lower() for module in analysis.modules)))
