"""The JSON of a case → the same without what was in the crashed machine's memory.

Source: docs/reference/json.md.  Registers, stack words, instruction bytes, comments and decoded blocks go; names of
modules and functions, addresses and the sentences of the verdict stay, for they are the finding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

Json = dict[str, Any]
_GAP = {
    "what": "registers, stack words and other memory of the machine",
    "missing": "left out of this export",
    "remedy": "bugcheck case export --with-memory",
    "damage": False,
}
_MEMORY = frozenset(["register", "memory", "bit"])
"""Kinds of citations whose value is a piece of memory."""


def without_memory(case: Json) -> Json:
    """Take memory out of every analysis of a case."""
    crashes = [{**crash, "analysis": _analysis(crash["analysis"])} for crash in cast("list[Json]", case["crashes"])]
    return {**case, "crashes": crashes}


def _analysis(analysis: Json | None) -> Json | None:
    if analysis is None:
        return None
    changed = {key: change(analysis[key]) for key, change in _CHANGES.items() if analysis.get(key)}
    return {**analysis, **changed, "gaps": [*(analysis.get("gaps") or []), _GAP]}


def _each(change: Callable[[Json], Json]) -> Callable[[list[Json]], list[Json]]:
    return lambda found: [change(each) for each in found]


def _context(context: Json | None) -> Json | None:
    return {**context, "registers": {}} if context else context


def _frame(frame: Json) -> Json:
    return {**frame, "arguments": []}


def _thread(thread: Json) -> Json:
    stacks = {key: _each(_frame)(thread[key]) for key in ("stack", "stack_32") if thread.get(key)}
    return {**thread, "context": _context(thread.get("context")), **stacks}


def _instruction(found: Json) -> Json:
    access = found.get("memory_access")
    return {**found, "bytes": None, "memory_access": {**access, "value": None} if access else access}


def _finding(finding: Json) -> Json:
    cited = [
        {**cite, "value": None} if cite.get("kind") in _MEMORY else cite
        for cite in cast("list[Json]", finding.get("citations") or [])
    ]
    return {**finding, "citations": cited}


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "dump": lambda dump: {**dump, "comment": None},
    "faulting_instruction": _instruction,
    "context": _context,
    "contexts": _each(lambda each: _context(each) or each),
    "stack": _each(_frame),
    "fault_stack": _each(_frame),
    "threads": _each(_thread),
    "processors": _each(lambda each: {**each, "context": _context(each.get("context"))}),
    "findings": _each(_finding),
    "secondary_data": _each(lambda each: {**each, "decoded": {}} if "decoded" in each else each),
}
