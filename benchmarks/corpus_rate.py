"""Dumps → files per second in one process; run by run.py as `corpus_rate.py FILE...`, answers in JSON."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from benchmarks.rates import best_rate, each
from bugcheck.api import analyze_all
from bugcheck.reports.analysis_document import analysis_document
from bugcheck.reports.analysis_json import analysis_json
from bugcheck.reports.formats.text import draw
from bugcheck.verdict.analysis import Analysis

PATHS = sys.argv[1:]


def rate(show: Callable[[Analysis], object], *, hash_file: bool = False) -> float:
    """Files analysed and shown per second."""

    def one(path: str) -> None:
        for outcome in analyze_all([path], hash_file=hash_file):
            assert outcome.analysis is not None, path
            show(outcome.analysis)

    return best_rate(lambda: each(one, PATHS))


def as_json(analysis: Analysis) -> str:
    """What `analyze --json` prints."""
    return json.dumps(analysis_json(analysis))


def as_text(analysis: Analysis) -> str:
    """What `analyze` prints."""
    return draw(analysis_document(analysis), colour=False, width=120)


if __name__ == "__main__":
    answer = {
        "json": rate(as_json, hash_file=True),
        "text": rate(as_text),
        "analysis": rate(lambda analysis: analysis.headline),
    }
    answer["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer))
