"""Dumps → milliseconds per analysis with and without symbols, and per rule; run by run.py, answers in JSON.

benchmarks/analysis_rate.py SYMBOL-PATH FILE...
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from bugcheck.api import SymbolOptions, analyze_all
from bugcheck.dump.open import open_dumps
from bugcheck.findings.findings import BUGCHECK_RULES, RULES, BugCheckRule, Crash, Rule, rules_for
from bugcheck.machine.machine import Machine

PASSES = 5
SYMBOLS, PATHS = sys.argv[1], sys.argv[2:]


def milliseconds(path: str, options: SymbolOptions | None) -> float:
    """Best time for one dump, stack and verdict included."""
    times: list[float] = []
    for _ in range(PASSES):
        started = time.perf_counter()
        for outcome in analyze_all([path], hash_file=False, symbols=options):
            assert outcome.analysis is None or outcome.analysis.gaps is not None
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def one_rule(rule: Rule | BugCheckRule, crash: Crash) -> float:
    """Milliseconds of one rule over a crash whose stack and code others have asked for before, as in a run of all."""
    times: list[float] = []
    for _ in range(PASSES):
        started = time.perf_counter()
        list(rule.run(crash))
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def rules() -> dict[str, float]:
    """Rule → mean milliseconds over the dumps it was asked of."""
    spent: dict[str, list[float]] = defaultdict(list)
    for path in PATHS:
        for opened in open_dumps(path):
            if opened.dump is None:
                continue
            crash = Crash(Machine(opened.dump))
            for rule in rules_for(crash):
                list(rule.run(crash))  # what others keep is not this rule's time
            for rule in rules_for(crash):
                spent[rule.name].append(one_rule(rule, crash))
    return {name: sum(times) / len(times) for name, times in spent.items()}


if __name__ == "__main__":
    plain = {path: milliseconds(path, None) for path in PATHS}
    named = {path: milliseconds(path, SymbolOptions(path=SYMBOLS)) for path in PATHS}
    registered = len(list(RULES)) + len(list(BUGCHECK_RULES))
    print(json.dumps({"plain": plain, "named": named, "rules": rules(), "registered": registered}))
