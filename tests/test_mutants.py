"""Damaged dumps of every format neither crash, hang nor eat memory: a small part of `make fuzz`, and its targets.

Expected: issue "Open every Windows dump", §7: an error naming file, offset and reason, or a partial answer;
no traceback, none over 2 s, none over 300 MB.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random

import pytest
from fuzz.damage import Step
from fuzz.evidence_files import EVIDENCE_FORMATS
from fuzz.examine import Result, examine
from fuzz.hostile import HOSTILE
from fuzz.mutants import USES, Kitchen, kitchen
from fuzz.seeds import FORMATS, HANDMADE, SEARCHED, SHARED, seeds_of

from bugcheck.machine import machine as machine_module

COUNT = 24
REAL_COUNT = 16
MUTATED = tuple(name for name in FORMATS if name != HANDMADE)
TARGETS = sorted(
    path.stem
    for path in (Path(__file__).resolve().parents[1] / "fuzz" / "targets").glob("*.py")
    if path.stem not in ("__init__", "target")
)


@cache
def prepared(format_name: str, count: int, real: bool) -> Kitchen:
    return kitchen(format_name, count, seed=1, real=real)


def troubles(kitchen: Kitchen) -> list[str]:
    found: list[str] = []
    for position, step in enumerate(kitchen.steps):
        # other tests of this process may have used more memory: the peak is judged in `make fuzz`, whose workers do not
        result = kitchen.examine(position, megabytes=1 << 20)
        if result.trouble:
            found.append(f"{step.describe(kitchen.seeds)}: {result.trouble}\n{result.details}")
    return found


@pytest.mark.parametrize("format_name", MUTATED)
def test_mutants_of_built_dumps_are_refused_or_answered(format_name: str) -> None:
    assert troubles(prepared(format_name, COUNT, False)) == []


@pytest.mark.corpus
@pytest.mark.parametrize("format_name", ["kernel_full", "kernel_triage", "kernel_bitmap_full", "user_minidump"])
def test_mutants_of_real_dumps_are_refused_or_answered(format_name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"needs {SHARED}, which is absent")
    assert troubles(prepared(format_name, REAL_COUNT, True)) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_dumps_are_answered_in_time(name: str) -> None:
    result = examine(HOSTILE[name](), "hostile.dmp", megabytes=1 << 20)
    assert result.trouble == "", result.details


@pytest.mark.parametrize("format_name", MUTATED)
def test_undamaged_seeds_are_opened(format_name: str) -> None:
    for seed in seeds_of(format_name, real=False):
        use = USES.get(format_name)
        result = examine(
            seed.data, seed.name.rpartition("/")[2], packed=format_name in SEARCHED, use=use, megabytes=1 << 20
        )
        # a piece of evidence may lack its year or its zone and be whole all the same
        answers = ("partial", "complete") if format_name in EVIDENCE_FORMATS else ("complete",)
        assert (result.outcome in answers, result.trouble) == (True, ""), seed.name


@pytest.mark.parametrize("name", TARGETS)
def test_targets_take_any_bytes(name: str) -> None:
    one_input = import_module(f"fuzz.targets.{name}").one_input
    random = Random(name)
    for size in (0, 1, 7, 40, 0x113, 0x1001, 0x2100, 0x3456):
        one_input(bytes(size))
        one_input(random.randbytes(size))


# --- the net itself catches ---


def test_a_mutant_is_the_same_each_time() -> None:
    one, other = prepared("user_minidump", COUNT, False), kitchen("user_minidump", COUNT, seed=1, real=False)
    assert [one.mutant(position) for position in range(COUNT)] == [other.mutant(position) for position in range(COUNT)]


def test_the_plan_holds_cuts_fields_and_random_damage() -> None:
    steps = prepared("kernel_triage", COUNT, False).steps
    assert len(steps) == COUNT
    assert {step.how for step in steps} == {"cut", "set", "damage"}
    assert all(step.at % 0x1000 == 0 for step in steps if step.how == "cut")


def test_a_full_plan_cuts_at_every_page_and_sets_every_field() -> None:
    full = kitchen("kernel_header_only", 20_000, seed=1, real=False)
    size = len(full.seeds[0].data)
    assert [step.at for step in full.steps if step.how == "cut" and step.seed == 0] == list(range(0, size, 0x1000))
    fields = {Step(0, "set", at, width, value) for at, width in full.places[0].fields for value in ("0", "1", "max")}
    assert fields <= set(full.steps)


def test_dumps_with_memory_offer_lists_and_page_tables_to_loop() -> None:
    for places in prepared("kernel_full", COUNT, False).places:
        assert len(places.links) > 4
        assert len(places.page_tables) > 2


def broken_outcome(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(machine_module, "read_debugger_data", fail)
    seed = seeds_of("kernel_triage", real=False)[0]
    return examine(seed.data, "seed.dmp", megabytes=1 << 20)


def test_a_traceback_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    result = broken_outcome(monkeypatch, KeyError("planted"))
    assert result.trouble.startswith("KeyError in bugcheck/machine/machine.py:")
    assert "planted" in result.details
