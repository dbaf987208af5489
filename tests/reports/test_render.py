"""render(): every format by its name."""

from __future__ import annotations

import json

import pytest

from bugcheck import synth
from bugcheck.api import analyze
from bugcheck.errors import UsageError
from bugcheck.reports.document import Document, Headline
from bugcheck.reports.render import ANALYSIS_FORMATS, SUFFIXES, render, render_document
from bugcheck.synth import DumpKind
from bugcheck.verdict.analysis import Analysis


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    path = tmp_path_factory.mktemp("dump") / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS))
    return analyze(path)


# what a reader of the format looks for: the verdict's own line of it
HALLMARKS = {
    "text": "  bug check   0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL",
    "json": '"name": "DRIVER_IRQL_NOT_LESS_OR_EQUAL"',
    "markdown": "| **bug check** | 0xD1 DRIVER\\_IRQL\\_NOT\\_LESS\\_OR\\_EQUAL",
    "html": ">0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL</dd>",
    "windbg": "DRIVER_IRQL_NOT_LESS_OR_EQUAL (d1)",
}


@pytest.mark.parametrize("name", ANALYSIS_FORMATS)
def test_every_format_tells_the_bug_check_its_own_way(name: str, analysis: Analysis) -> None:
    text = render(analysis, name)
    assert text.endswith("\n")
    assert HALLMARKS[name] in text
    assert all(other not in text for form, other in HALLMARKS.items() if form != name)
    assert SUFFIXES.keys() == set(ANALYSIS_FORMATS)


def test_json_is_the_contract(analysis: Analysis) -> None:
    assert json.loads(render(analysis, "json"))["schema"] == "bugcheck.analysis/1"


def test_an_unknown_format_is_a_usage_error(analysis: Analysis) -> None:
    with pytest.raises(UsageError, match="markdown"):
        render(analysis, "docx")
    with pytest.raises(UsageError):
        render_document(Document("x", (Headline("x"),)), "json")
